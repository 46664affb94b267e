// A ledger in memory that makes honest answers: what the store and the database do on disk, in the simplest way. Its headers
// may lag behind in the history that they commit to, as in data from very old servers.

import { p256 } from "@noble/curves/nist.js";
import { assert } from "../../../src/base/assert.ts";
import { equalBytes, utf8 } from "../../../src/base/bytes.ts";
import { buildDualProof } from "../../../src/proof/dual.ts";
import { EntriesTree } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { completedNodes, historyRoot, leafHash } from "../../../src/proof/history-tree.ts";
import { decodePlainValue, plainKey } from "../../../src/proof/keys.ts";
import type { LogReader } from "../../../src/proof/linear.ts";
import type {
  DualProof,
  KvMetadata,
  State,
  TxEntry,
  TxHeader,
  TxMetadata,
  VerifiableEntry,
  VerifiableTx,
} from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { statePayload } from "../../../src/proof/signed-state.ts";
import { alh, EMPTY_ALH, ZERO_DIGEST } from "../../../src/proof/tx-header.ts";

const secretKey: Uint8Array = sha256(utf8("signing key of the ledger in memory"));

/** Uncompressed point of the key that the ledger signs with. */
export const PUBLIC_KEY: Uint8Array = p256.getPublicKey(secretKey, false);

export interface WrittenEntry {
  /** Store key. */
  readonly key: Uint8Array;
  /** Store value. */
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

export interface CommitOptions {
  readonly version?: number;
  readonly metadata?: TxMetadata | undefined;
  /** How many transactions the header's history ends before the one just before it. */
  readonly lag?: number;
}

export class MemoryLedger implements LogReader {
  readonly db = "defaultdb";
  readonly #headers: TxHeader[] = [];
  readonly #entries: (readonly TxEntry[])[] = [];
  readonly #nodes = new Map<string, Uint8Array>();

  readonly header = (txId: bigint): TxHeader => this.#headers[Number(txId) - 1] as TxHeader;
  readonly alh = (txId: bigint): Uint8Array => alh(this.header(txId));
  readonly node = (level: number, index: number): Uint8Array => {
    const hash = this.#nodes.get(`${level}/${index}`);
    assert(hash !== undefined, `node ${level}/${index} is not part of the tree`);
    return hash;
  };

  /** Id of the last transaction, 0 when there is none. */
  get last(): bigint {
    return BigInt(this.#headers.length);
  }

  commit(written: readonly WrittenEntry[], options: CommitOptions = {}): TxHeader {
    const { version = 1, metadata, lag = 0 } = options;
    const id = this.last + 1n;
    const entries = written.map(({ key, value, metadata: entryMetadata }) => {
      return { key, metadata: entryMetadata, hValue: sha256(value), vLen: value.length, value };
    });
    const blTxId = Math.max(Number(id) - 1 - lag, Number(this.#headers.at(-1)?.blTxId ?? 0n));
    const header: TxHeader = {
      id,
      prevAlh: id === 1n ? EMPTY_ALH : this.alh(id - 1n),
      ts: 1_700_000_000n + id,
      version,
      metadata,
      nentries: entries.length,
      eh: new EntriesTree(entries.map((entry) => entryDigest(entry, version))).root,
      blTxId: BigInt(blTxId),
      blRoot: blTxId === 0 ? ZERO_DIGEST : historyRoot(blTxId, this.node),
    };
    this.#headers.push(header);
    this.#entries.push(entries);
    const n = Number(id);
    completedNodes(n, leafHash(alh(header)), this.node).forEach((hash, level) => {
      this.#nodes.set(`${level}/${n / 2 ** level - 1}`, hash);
    });
    return header;
  }

  /** The signed state after transaction `txId`. */
  state(txId: bigint): State {
    const state = { db: this.db, txId, txHash: txId === 0n ? EMPTY_ALH : this.alh(txId) };
    const digest = sha256(statePayload(state));
    const signature = p256.sign(digest, secretKey, { prehash: false, lowS: false, format: "der" });
    return { ...state, signature: { publicKey: PUBLIC_KEY, signature } };
  }

  dualProof(txId: bigint, proveSinceTx: bigint): DualProof {
    const [s, t] = proveSinceTx === 0n ? [txId, txId] : [txId, proveSinceTx].sort((a, b) => Number(a - b));
    return buildDualProof(this.header(s as bigint), this.header(t as bigint), this);
  }

  verifiableTx(txId: bigint, proveSinceTx: bigint): VerifiableTx {
    const dualProof = this.dualProof(txId, proveSinceTx);
    const entries = this.#entriesOf(txId).map((entry) => ({ ...entry, value: undefined }));
    const { signature } = this.state(dualProof.targetTxHeader.id);
    return { tx: { header: this.header(txId), entries, kvEntries: [], zEntries: [] }, dualProof, signature };
  }

  /** The answer to a get of a user key that transaction `txId` wrote; a reference leads to what transaction `valueTx` wrote. */
  verifiableEntry(userKey: Uint8Array, txId: bigint, proveSinceTx: bigint, valueTx: bigint = txId): VerifiableEntry {
    const { version } = this.header(txId);
    const entries = this.#entriesOf(txId);
    const leaf = entries.findIndex((entry) => equalBytes(entry.key, plainKey(userKey)));
    const tree = new EntriesTree(entries.map((entry) => entryDigest(entry, version)));
    const { value, metadata } = entries[leaf] as TxEntry;
    const found = decodePlainValue(value as Uint8Array);
    const common = { expired: false, revision: 1n };
    const rest = { verifiableTx: this.verifiableTx(txId, proveSinceTx), inclusionProof: tree.inclusionProof(leaf) };
    if (found.kind === "value") {
      return {
        entry: { ...common, tx: txId, key: userKey, value: found.value, metadata, referencedBy: undefined },
        ...rest,
      };
    }
    const behind = this.#entriesOf(valueTx).find((entry) => equalBytes(entry.key, plainKey(found.key))) as TxEntry;
    const referencedBy = { tx: txId, key: userKey, atTx: found.atTx, metadata, revision: 1n };
    const value2 = (behind.value as Uint8Array).subarray(1);
    return {
      entry: { ...common, tx: valueTx, key: found.key, value: value2, metadata: behind.metadata, referencedBy },
      ...rest,
    };
  }

  #entriesOf(txId: bigint): readonly TxEntry[] {
    return this.#entries[Number(txId) - 1] as readonly TxEntry[];
  }
}
