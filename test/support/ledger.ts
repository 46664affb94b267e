// A ledger in memory, as small as one can be that answers with real hashes and real proofs: it appends transactions and
// builds every answer with the builders of the proof room. It can be forked, which is what a lying server does to history,
// and its headers can commit to an older tree (`blTxIdOf`), as very old servers wrote them.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { equalBytes } from "../../src/base/bytes.ts";
import { buildDualProof, type LogReader } from "../../src/proof/dual.ts";
import { EntriesTree } from "../../src/proof/entries-tree.ts";
import { entryDigest } from "../../src/proof/entry-digest.ts";
import { completedNodes, historyRoot, leafHash } from "../../src/proof/history-tree.ts";
import { decodePlainValue, plainKey, plainValue } from "../../src/proof/keys.ts";
import type {
  Entry,
  KvMetadata,
  Reference,
  Signature,
  State,
  TxEntry,
  TxHeader,
  VerifiableEntry,
  VerifiableTx,
} from "../../src/proof/model.ts";
import { sha256 } from "../../src/proof/sha256.ts";
import { statePayload } from "../../src/proof/signed-state.ts";
import { alh, EMPTY_ALH, ZERO_DIGEST } from "../../src/proof/tx-header.ts";

/** What to append: a store key and a store value (prefix bytes included). */
export interface NewEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

type FullEntry = TxEntry & { readonly value: Uint8Array };

interface Committed {
  readonly header: TxHeader;
  readonly alh: Uint8Array;
  readonly entries: readonly FullEntry[];
}

interface Found {
  readonly tx: bigint;
  readonly revision: bigint;
  readonly entry: FullEntry;
}

export interface LedgerOptions {
  readonly database?: string;
  /** PEM of a P-256 private key; states are signed when given. */
  readonly signingKey?: string | undefined;
  /** Size of the history tree that the header of transaction `id` commits to. */
  readonly blTxIdOf?: (id: bigint) => bigint;
}

export class Ledger {
  readonly database: string;
  readonly #options: LedgerOptions;
  readonly #signingKey: KeyObject | undefined;
  readonly #blTxIdOf: (id: bigint) => bigint;
  readonly #txs: Committed[] = [];
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #log: LogReader = {
    header: (id) => this.tx(id).header,
    alh: (id) => this.tx(id).alh,
    node: (level, index) => this.#node(level, index),
  };

  constructor(options: LedgerOptions = {}) {
    const { database = "defaultdb", signingKey, blTxIdOf = (id) => id - 1n } = options;
    this.#options = options;
    this.database = database;
    this.#signingKey = signingKey === undefined ? undefined : createPrivateKey(signingKey);
    this.#blTxIdOf = blTxIdOf;
  }

  get size(): bigint {
    return BigInt(this.#txs.length);
  }

  /** Another history that shares this one's first `upTo` transactions. */
  fork(upTo: bigint = this.size): Ledger {
    const other = new Ledger(this.#options);
    for (const { header, entries } of this.#txs.slice(0, Number(upTo))) other.#commit(entries, header.ts);
    return other;
  }

  set(key: Uint8Array, value: Uint8Array, metadata?: KvMetadata): TxHeader {
    return this.append([{ key: plainKey(key), value: plainValue(value), metadata }]);
  }

  append(entries: readonly NewEntry[]): TxHeader {
    return this.#commit(entries, 1_700_000_000n + this.size);
  }

  tx(id: bigint): Committed {
    const tx = this.#txs[Number(id) - 1];
    if (tx === undefined) throw new Error(`no transaction ${id}`);
    return tx;
  }

  state(): State {
    const txHash = this.#txs.at(-1)?.alh ?? EMPTY_ALH;
    return this.#signed({ db: this.database, txId: this.size, txHash, signature: undefined });
  }

  verifiableTx(id: bigint, proveSinceTx: bigint): VerifiableTx {
    const { header, entries } = this.tx(id);
    const since = proveSinceTx === 0n ? header : this.tx(proveSinceTx).header;
    const [source, target] = since.id <= header.id ? [since, header] : [header, since];
    const listed = entries.map(({ value: _, ...entry }) => entry);
    const { signature } = this.#signed({
      db: this.database,
      txId: target.id,
      txHash: alh(target),
      signature: undefined,
    });
    return { tx: { header, entries: listed }, dualProof: buildDualProof(source, target, this.#log), signature };
  }

  /** The latest entry under a user key (or the one of transaction `atTx`), a reference resolved; undefined when there is none. */
  entry(key: Uint8Array, atTx = 0n): Entry | undefined {
    const found = this.#find(key, atTx);
    if (found === undefined || found.entry.metadata?.deleted) return undefined;
    const { tx, revision, entry } = found;
    const stored = decodePlainValue(entry.value);
    const { metadata } = entry;
    if (stored.kind === "value")
      return { tx, key, value: stored.value, metadata, expired: false, revision, referencedBy: undefined };
    const target = this.entry(stored.key, stored.atTx);
    const referencedBy: Reference = { tx, key, atTx: stored.atTx, metadata, revision };
    return target && { ...target, referencedBy };
  }

  verifiableEntry(key: Uint8Array, atTx: bigint, proveSinceTx: bigint): VerifiableEntry | undefined {
    const entry = this.entry(key, atTx);
    if (entry === undefined) return undefined;
    const id = entry.referencedBy?.tx ?? entry.tx;
    const { header, entries } = this.tx(id);
    const tree = new EntriesTree(entries.map((each) => entryDigest(each, header.version)));
    const leaf = entries.findIndex((each) => equalBytes(each.key, plainKey(key)));
    return { entry, verifiableTx: this.verifiableTx(id, proveSinceTx), inclusionProof: tree.inclusionProof(leaf) };
  }

  #find(key: Uint8Array, atTx: bigint): Found | undefined {
    const storeKey = plainKey(key);
    let revision = 0n;
    let found: Found | undefined;
    for (const { header, entries } of this.#txs) {
      const entry = entries.find((each) => equalBytes(each.key, storeKey));
      if (entry === undefined) continue;
      revision++;
      if (atTx === 0n || atTx === header.id) found = { tx: header.id, revision, entry };
    }
    return found;
  }

  #commit(entries: readonly NewEntry[], ts: bigint): TxHeader {
    const id = this.size + 1n;
    const full = entries.map(({ key, value, metadata }) => ({
      key,
      value,
      metadata,
      hValue: sha256(value),
      vLen: value.length,
    }));
    const blTxId = this.#blTxIdOf(id);
    const header: TxHeader = {
      id,
      prevAlh: this.#txs.at(-1)?.alh ?? EMPTY_ALH,
      ts,
      version: 1,
      metadata: undefined,
      nentries: full.length,
      eh: new EntriesTree(full.map((entry) => entryDigest(entry, 1))).root,
      blTxId,
      blRoot: blTxId === 0n ? ZERO_DIGEST : historyRoot(Number(blTxId), this.#log.node),
    };
    const own = alh(header);
    this.#txs.push({ header, alh: own, entries: full });
    const size = Number(id);
    const nodes = completedNodes(size, leafHash(own), this.#log.node);
    for (const [level, hash] of nodes.entries()) this.#nodes.set(`${level}/${size / 2 ** level - 1}`, hash);
    return header;
  }

  #node(level: number, index: number): Uint8Array {
    const hash = this.#nodes.get(`${level}/${index}`);
    if (hash === undefined) throw new Error(`node (${level}, ${index}) is not complete`);
    return hash;
  }

  #signed(state: State): State {
    return this.#signingKey === undefined ? state : { ...state, signature: signState(state, this.#signingKey) };
  }
}

/** Signs a state as a server does. */
export function signState(state: State, key: KeyObject): Signature {
  const signature = sign("sha256", statePayload(state), { key, dsaEncoding: "der" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(-65)), signature: new Uint8Array(signature) };
}

/** A fresh P-256 key pair in PEM. */
export function newSigningKey(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
}
