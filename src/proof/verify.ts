// The verified operations (wire spec §14): a trusted state, what was asked and what the server answered go in, the new state
// comes out, or a ProofError that names the check that failed. Nothing here talks to a server or keeps anything: callers hold
// one operation at a time per database and store the new state only when it is returned.
//
//   trusted state {n, hash of n}                n: last transaction the caller has proof of, 0 for none
//        │
//        │  the operation proves transaction v:        v >= n: history runs n → v, the new state is v
//        │                                             v <  n: history runs v → n, the state stays at n
//        ▼
//   new state {max(n, v), hash}
//
// A state proves consistency, not freshness: a server may answer from an old state, but never from another history.
// At first contact (n = 0) there is nothing to compare with, and the answer must at least agree with itself.

import { equalBytes } from "../base/bytes.ts";
import { completeAdvanceProof, type FetchDualProof } from "./advance.ts";
import { checkHeaders, type ProvenHeaders, verifyDualProof } from "./dual.ts";
import { verifyEntryInclusion } from "./entries-tree.ts";
import { check } from "./errors.ts";
import { NO_VALUE, plainKey, plainValue, referenceValue, sortedSetKey } from "./keys.ts";
import type { DualProof, Entry, KvMetadata, State, TxHeader, VerifiableEntry, VerifiableTx } from "./model.ts";
import { sha256 } from "./sha256.ts";
import { verifyStateSignature } from "./signed-state.ts";
import { alh } from "./tx-header.ts";
import {
  type ExpectedEntry,
  provenDigest,
  verifyRawValues,
  verifySameHeader,
  verifyTxEntries,
  verifyWrittenEntries,
} from "./verify-tx.ts";

export type { FetchDualProof } from "./advance.ts";

/** What a verified operation starts from. */
export interface Trusted {
  /** State after the last verified operation. With txId 0 nothing is trusted yet, and its hash is ignored. */
  readonly state: State;
  /** The server's configured key, an uncompressed point. When given, an unsigned answer is refused. */
  readonly publicKey?: Uint8Array | undefined;
  /** How to ask for more; needed with data from servers before 1.4.1, and by audits. */
  readonly fetchDualProof?: FetchDualProof | undefined;
}

export interface SetRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

export interface ReferenceRequest {
  readonly key: Uint8Array;
  readonly referencedKey: Uint8Array;
  /** 0: unbound. */
  readonly atTx: bigint;
}

export interface ZAddRequest {
  readonly set: Uint8Array;
  readonly score: number;
  readonly key: Uint8Array;
  /** 0: unbound. */
  readonly atTx: bigint;
}

export interface GetRequest {
  readonly key: Uint8Array;
  /** 0: at whatever transaction the server found it. */
  readonly atTx: bigint;
}

export interface TxByIdRequest {
  readonly tx: bigint;
  /** Whether values were asked for; then every entry must come with its own. */
  readonly rawValues: boolean;
}

/** Proves that a new transaction holds exactly these pairs with exactly this metadata. */
export async function verifiedSet(
  trusted: Trusted,
  pairs: readonly SetRequest[],
  answer: VerifiableTx,
): Promise<State> {
  const entries = pairs.map(({ key, value, metadata }) => {
    check(metadata?.deleted !== true, "entry_metadata", "a set cannot write a deletion");
    return { key: plainKey(key), metadata, hValue: sha256(plainValue(value)) };
  });
  return verifiedWrite(trusted, entries, answer);
}

/** Proves that a new transaction holds exactly this reference. */
export function verifiedReference(trusted: Trusted, request: ReferenceRequest, answer: VerifiableTx): Promise<State> {
  const hValue = sha256(referenceValue(request.referencedKey, request.atTx));
  return verifiedWrite(trusted, [{ key: plainKey(request.key), metadata: undefined, hValue }], answer);
}

/** Proves that a new transaction holds exactly this member of a sorted set. */
export function verifiedZAdd(trusted: Trusted, request: ZAddRequest, answer: VerifiableTx): Promise<State> {
  const key = sortedSetKey(request.set, request.score, request.key, request.atTx);
  return verifiedWrite(trusted, [{ key, metadata: undefined, hValue: sha256(NO_VALUE) }], answer);
}

/**
 * Proves that the entry was written under the requested key by the transaction it names. Of a reference, proves the reference:
 * the value behind it takes a verified get of its own. Not proven: the revision, and that there is no later value.
 */
export async function verifiedGet(trusted: Trusted, request: GetRequest, answer: VerifiableEntry): Promise<State> {
  const { entry, verifiableTx, inclusionProof } = answer;
  const { txId, expected } = expectedEntry(request, entry);
  const { claim, header } = claimAbout(txId, trusted.state, verifiableTx.dualProof);
  verifySameHeader(verifiableTx.tx.header, header);
  verifyEntryInclusion(inclusionProof, provenDigest(expected, header.version), header.eh, header.nentries);
  return verifiedHistory(trusted, claim, verifiableTx);
}

/** Proves that the transaction is the requested one and holds exactly the entries listed. */
export async function verifiedTxById(trusted: Trusted, request: TxByIdRequest, answer: VerifiableTx): Promise<State> {
  const { tx, dualProof } = answer;
  check(tx.header.id === request.tx, "tx_id", "the answer is about another transaction", {
    asked: request.tx,
    got: tx.header.id,
  });
  const entries = verifyTxEntries(tx);
  verifyRawValues(request.rawValues ? entries : entries.filter((entry) => entry.value !== undefined));
  const { claim, header } = claimAbout(request.tx, trusted.state, dualProof);
  verifySameHeader(tx.header, header);
  return verifiedHistory(trusted, claim, answer);
}

/**
 * One step of an audit: proves that the server's current state continues the trusted one. Without a trusted state, the current
 * one is taken as it is, once its signature has been checked. Throws `state_rolled_back` when the server has lost history.
 */
export async function auditedState(
  trusted: Trusted & { readonly fetchDualProof: FetchDualProof },
  current: State,
): Promise<State> {
  const { state, publicKey, fetchDualProof } = trusted;
  check(current.db === state.db, "state_database", "the state is that of another database");
  if (publicKey !== undefined) verifyStateSignature(current, publicKey);
  if (state.txId === 0n) return current;
  const ids = { trusted: state.txId, current: current.txId };
  check(current.txId >= state.txId, "state_rolled_back", "the server's history ends before the trusted state", ids);
  const claim = { s: state.txId, t: current.txId, sAlh: state.txHash, tAlh: current.txHash };
  await verifyClaim(claim, await fetchDualProof(current.txId, state.txId), fetchDualProof);
  return current;
}

/** Transaction `s` with `sAlh` is part of the history of transaction `t` with `tAlh`. */
interface Claim {
  readonly s: bigint;
  readonly t: bigint;
  readonly sAlh: Uint8Array;
  readonly tAlh: Uint8Array;
}

/** A write made a transaction that was not there before, of exactly these entries. */
async function verifiedWrite(
  trusted: Trusted,
  expected: readonly ExpectedEntry[],
  answer: VerifiableTx,
): Promise<State> {
  const { tx, dualProof } = answer;
  const txId = tx.header.id;
  // Otherwise the acknowledgement of an earlier, equal write could be shown again with nothing written.
  check(txId > trusted.state.txId, "tx_not_new", "the write did not make a new transaction", { txId });
  verifyWrittenEntries(tx, expected);
  const { claim, header } = claimAbout(txId, trusted.state, dualProof);
  verifySameHeader(tx.header, header);
  return verifiedHistory(trusted, claim, answer);
}

/** The entry that must be in the ledger if the answer is true, and in which transaction. The requested key counts, not the returned. */
function expectedEntry(request: GetRequest, entry: Entry): { readonly txId: bigint; readonly expected: ExpectedEntry } {
  const key = plainKey(request.key);
  const { referencedBy: reference } = entry;
  const { tx: txId, metadata } = reference ?? entry;
  check(request.atTx === 0n || txId === request.atTx, "entry_tx", "the entry is from another transaction", { txId });
  if (reference === undefined) return { txId, expected: { key, metadata, hValue: sha256(plainValue(entry.value)) } };
  check(equalBytes(reference.key, request.key), "entry_missing", "the reference is under another key", { txId });
  const bound = reference.atTx === 0n || reference.atTx === entry.tx;
  check(bound, "entry_tx", "the value is from another transaction than the reference says", { txId: entry.tx });
  return { txId, expected: { key, metadata, hValue: sha256(referenceValue(entry.key, reference.atTx)) } };
}

/** What the dual proof must show if transaction `txId` is in the trusted history, and that transaction's header. */
function claimAbout(
  txId: bigint,
  state: State,
  proof: DualProof,
): { readonly claim: Claim; readonly header: TxHeader } {
  const { sourceTxHeader: source, targetTxHeader: target } = proof;
  if (state.txId > txId) {
    return { claim: { s: txId, sAlh: alh(source), t: state.txId, tAlh: state.txHash }, header: source };
  }
  const tAlh = alh(target);
  const known = state.txId === 0n ? { s: txId, sAlh: tAlh } : { s: state.txId, sAlh: state.txHash };
  return { claim: { ...known, t: txId, tAlh }, header: target };
}

/** The common end of all operations: the claim holds, and the server signed the state that follows from it. */
async function verifiedHistory(trusted: Trusted, claim: Claim, answer: VerifiableTx): Promise<State> {
  await verifyClaim(claim, answer.dualProof, trusted.fetchDualProof);
  const state: State = { db: trusted.state.db, txId: claim.t, txHash: claim.tAlh, signature: answer.signature };
  return trusted.publicKey === undefined ? state : verifyStateSignature(state, trusted.publicKey);
}

async function verifyClaim(
  claim: Claim,
  proof: DualProof,
  fetchDualProof: FetchDualProof | undefined,
): Promise<ProvenHeaders> {
  const { s, t, sAlh, tAlh } = claim;
  // The headers come first: they decide what else is asked for.
  checkHeaders(proof.sourceTxHeader, proof.targetTxHeader, s, t, sAlh, tAlh);
  const complete = fetchDualProof === undefined ? proof : await completeAdvanceProof(proof, fetchDualProof);
  return verifyDualProof(complete, s, t, sAlh, tAlh);
}
