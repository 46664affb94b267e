// What the operations on one database mean. Reads are synchronous: they run in one turn of the event loop and see one state,
// with every acknowledged write in it. Writes resolve when they are on disk.

import { EMPTY } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { WRITE_ATTEMPTS_MAX } from "../base/limits.ts";
import { NO_VALUE, plainKey } from "../proof/keys.ts";
import type { Entry, Tx, TxHeader, VerifiableEntry, VerifiableTx, ZEntry } from "../proof/model.ts";
import type { StorePoint } from "../store/commit-state.ts";
import { StoreError } from "../store/errors.ts";
import type { Store } from "../store/store.ts";
import type { StoreModes } from "../store/store-options.ts";
import type { TxSpec } from "../store/tx-spec.ts";
import { DatabaseError } from "./errors.ts";
import { execAllSpec } from "./exec-all.ts";
import { alhAt, exportTx } from "./export.ts";
import { toStorePrecondition } from "./preconditions.ts";
import { count, get, getAll, history, requireSince, scan } from "./read.ts";
import { Received } from "./received.ts";
import { referenceSpec, valueEntry, zAddSpec } from "./references.ts";
import { acksOf, type ReplicaAcks } from "./replica-acks.ts";
import { commitUpTo, discardPrecommitted, replicateTx } from "./replicate.ts";
import type { ExportRequest, Replicated, ReplicateOptions, TxExport } from "./replication.ts";
import type {
  DeleteRequest,
  ExecAllRequest,
  GetAllRequest,
  GetRequest,
  HistoryRequest,
  ReferenceRequest,
  ScanRequest,
  SetRequest,
  TxRequest,
  TxScanRequest,
  VerifiableGetRequest,
  VerifiableReferenceRequest,
  VerifiableSetRequest,
  VerifiableTxRequest,
  VerifiableZAddRequest,
  ZAddRequest,
  ZScanRequest,
} from "./requests.ts";
import { firstRetained, isFirstOlder } from "./retention.ts";
import { type DatabaseFacts, type DatabaseSettings, isPercentage, requireRetainable, retains } from "./settings.ts";
import { zScan } from "./sorted-sets.ts";
import { StreamedReads } from "./streamed-reads.ts";
import { txById, txScan } from "./transactions.ts";
import { dualProof, requireProvable, verifiableEntry, verifiableTx } from "./verifiable.ts";

/** The end of a database's chain. An empty one has txId 0 and the hash of nothing. */
export interface DatabaseState {
  readonly txId: bigint;
  readonly txHash: Uint8Array;
  readonly precommittedTxId: bigint;
  readonly precommittedTxHash: Uint8Array;
}

export class Database {
  readonly name: string;
  readonly #store: Store;
  readonly #clock: Clock;
  #facts: DatabaseFacts;
  /** Of a primary with synchronous replication. */
  #acks: ReplicaAcks | undefined;
  /** Goes into the metadata of every transaction written here. */
  #extra: Uint8Array | undefined;
  /** Itself, but for one that withExtra() made: that one's settings are its own, whenever they change. */
  #origin: Database = this;

  constructor(facts: DatabaseFacts, store: Store, clock: Clock) {
    this.name = facts.name;
    this.#facts = facts;
    this.#store = store;
    this.#clock = clock;
    this.#acks = acksOf(facts.settings);
  }

  get settings(): DatabaseSettings {
    return this.#origin.#facts.settings;
  }

  /** Whether it follows a primary: then nobody else writes to it. */
  get isReplica(): boolean {
    return this.settings.replicationSettings.replica;
  }

  /** From the next write on the settings are these. Writes under way end as they began. */
  async apply(facts: DatabaseFacts): Promise<void> {
    if (facts.settings === this.settings) return;
    await this.#store.configure(facts.settings, modesOf(facts.settings));
    this.#facts = facts;
    this.#acks = acksOf(facts.settings);
  }

  /** The same database, whose transactions carry these bytes (1 to 256) in their metadata. Those of header version 0 cannot. */
  withExtra(extra: Uint8Array): Database {
    const database = new Database(this.#facts, this.#store, this.#clock);
    database.#extra = extra;
    database.#origin = this.#origin;
    return database;
  }

  /** The database that was opened, of which this may be a view. */
  get origin(): Database {
    return this.#origin;
  }

  state(): DatabaseState {
    const { committed, precommitted } = this.#store;
    return {
      txId: committed.txId,
      txHash: committed.alh,
      precommittedTxId: precommitted.txId,
      precommittedTxHash: precommitted.alh,
    };
  }

  /** A durable transaction. Throws `tx_not_found`. */
  pointAt(txId: bigint): StorePoint {
    return { txId, alh: alhAt(this.#store, txId) };
  }

  /** Last transaction that the index holds; what is between it and the last one is found in memory. */
  get indexedTxId(): bigint {
    return this.#store.indexed;
  }

  /** Whether writes are refused until it is opened again, since it is not known what became of one. */
  get isReadOnly(): boolean {
    return this.#store.isReadOnly;
  }

  /** Bytes on disk. */
  sizeBytes(): number {
    return this.#store.sizeBytes();
  }

  set(request: SetRequest): Promise<TxHeader> {
    return this.#commit(() => setSpec(request));
  }

  /** Marks keys as deleted; each must have a value now. */
  delete(request: DeleteRequest): Promise<TxHeader> {
    return this.#commit(() => {
      requireSince(this.#store, request.sinceTx);
      return deleteSpec(request);
    });
  }

  /** Makes a key lead to another. Throws `value_to_reference`, `reference_to_reference`. */
  setReference(request: ReferenceRequest): Promise<TxHeader> {
    return this.#commitAsSeen((now) => referenceSpec(request, this.#store, now));
  }

  /** Adds a key to a sorted set. Throws `reference_to_reference`. */
  zAdd(request: ZAddRequest): Promise<TxHeader> {
    return this.#commitAsSeen((now) => zAddSpec(request, this.#store, now));
  }

  /** Writes values, references and set members as one transaction. */
  execAll(request: ExecAllRequest): Promise<TxHeader> {
    return this.#commitAsSeen((now) => execAllSpec(request, this.#store, now));
  }

  /** For a transaction that arrives as a stream. Throws `overloaded` when too many do at once. */
  receive(): Received {
    this.#requireWritable();
    return new Received(this.#store.spool(), this.settings);
  }

  /** Reads of the state as it is now, whose values are handed on by pieces. */
  streamed(): StreamedReads {
    return new StreamedReads(this.#store, this.#now());
  }

  get(request: GetRequest): Entry {
    return get(this.#store, request, this.#now());
  }

  getAll(request: GetAllRequest): Entry[] {
    return getAll(this.#store, request, this.#now());
  }

  scan(request: ScanRequest): Entry[] {
    return scan(this.#store, request, this.#now());
  }

  history(request: HistoryRequest): Entry[] {
    return history(this.#store, request, this.#now());
  }

  zScan(request: ZScanRequest): ZEntry[] {
    return zScan(this.#store, request, this.#now());
  }

  /** Keys with this prefix that have a value now. */
  count(prefix: Uint8Array): bigint {
    return count(this.#store, prefix, this.#now());
  }

  countAll(): bigint {
    return count(this.#store, EMPTY, this.#now());
  }

  txById(request: TxRequest): Tx {
    return txById(this.#store, request, this.#now());
  }

  txScan(request: TxScanRequest): Tx[] {
    return txScan(this.#store, request, this.#now());
  }

  async verifiableSet({ set, proveSinceTx }: VerifiableSetRequest): Promise<VerifiableTx> {
    requireProvable(this.#store, proveSinceTx);
    return await this.#proven(this.set(set), proveSinceTx);
  }

  async verifiableSetReference({ reference, proveSinceTx }: VerifiableReferenceRequest): Promise<VerifiableTx> {
    requireSince(this.#store, proveSinceTx);
    return await this.#proven(this.setReference(reference), proveSinceTx);
  }

  async verifiableZAdd({ member, proveSinceTx }: VerifiableZAddRequest): Promise<VerifiableTx> {
    requireSince(this.#store, proveSinceTx);
    return await this.#proven(this.zAdd(member), proveSinceTx);
  }

  verifiableGet(request: VerifiableGetRequest): VerifiableEntry {
    requireProvable(this.#store, request.proveSinceTx);
    const entry = this.get(request.get);
    return verifiableEntry(this.#store, request.get.key, entry, request.proveSinceTx);
  }

  verifiableTxById(request: VerifiableTxRequest): VerifiableTx {
    const { tx: wanted, proveSinceTx } = request;
    const latest = this.#store.committed.txId;
    if (wanted.tx !== 0n && proveSinceTx > latest) {
      throw new DatabaseError("prove_since_future", "the proof would start after the last transaction", {
        latest,
        since: proveSinceTx,
      });
    }
    const tx = this.txById(wanted);
    return { tx, dualProof: dualProof(this.#store, tx.header, proveSinceTx), signature: undefined };
  }

  /**
   * Removes the bytes of values older than `periodMs`, which is a day at least. Resolves, when they are gone, with the first
   * transaction that keeps its values. Throws `retention_period_short`, or `illegal_argument` where transactions have no time.
   */
  async truncate(periodMs: number): Promise<bigint> {
    requireRetainable(this.#origin.#facts, periodMs);
    const keptFrom = await firstRetained(this.#store, periodMs, this.#clock.nowMs());
    // Also when nothing is new: a removal that failed, or that is under way, has ended then.
    if (keptFrom > 0n) await this.#store.truncateBefore(keptFrom);
    return this.#store.truncatedBefore;
  }

  /** Whether a value is older than that. Throws what truncate() throws. */
  hasOlderThan(periodMs: number): boolean {
    requireRetainable(this.#origin.#facts, periodMs);
    return isFirstOlder(this.#store, periodMs, this.#clock.nowMs());
  }

  /**
   * Resolves when the index holds all that is acknowledged now, and, if `synced`, is on disk. `cleanupPercentage`: how much
   * of it may be tidied up, from 0 to 100; this index has nothing to tidy. Throws `cleanup_percentage`.
   */
  async flushIndex(cleanupPercentage: number, synced: boolean): Promise<void> {
    if (!isPercentage(cleanupPercentage)) {
      throw new DatabaseError("cleanup_percentage", `${cleanupPercentage} is no percentage`);
    }
    await this.#store.flushIndex(synced);
  }

  /**
   * Writes the index anew, without the room that what was replaced has left. Reads and writes go on meanwhile. Throws
   * StoreError `compaction_early` when too little was flushed since the last time, `compaction_running`.
   */
  async compactIndex(): Promise<void> {
    const { flushThreshold, compactionThld } = this.settings.indexSettings;
    await this.#store.compactIndex({ flushThreshold, compactionThld });
  }

  /** Hands out a transaction as it is, to a replica or whoever copies the database: see export.ts. */
  exportTx(request: ExportRequest, signal?: AbortSignal): Promise<TxExport> {
    return exportTx(this.#store, this.#origin.#acks, request, signal);
  }

  /**
   * Takes in a transaction of the primary, as it is there. Many may be under way, in any order. Resolves when it is on disk,
   * and committed unless replication is synchronous. Throws `not_a_replica`, and what Store.adopt() throws.
   */
  async replicateTx(blob: Uint8Array, options: ReplicateOptions = {}): Promise<Replicated> {
    this.requireReplica();
    return await replicateTx(this.#store, this.settings.replicationSettings, blob, options);
  }

  /** Commits as far as the primary says. Less than what is committed is only compared. Throws `illegal_state`, `tx_diverged`. */
  async commitUpTo(point: StorePoint): Promise<void> {
    this.requireReplica();
    await commitUpTo(this.#store, this.settings.replicationSettings, point);
  }

  /** Takes back, for good, what is precommitted and was never committed. Resolves with how many transactions that were. */
  async discardPrecommitted(): Promise<bigint> {
    this.requireReplica();
    return await discardPrecommitted(this.#store);
  }

  /** Resolves when no write is under way and the index holds everything. */
  settled(): Promise<void> {
    return this.#store.settled();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Makes a write that looked at the state that readers see. What it saw may have changed meanwhile: then it looks again. */
  async #commitAsSeen(spec: (now: bigint) => TxSpec): Promise<TxHeader> {
    this.#requireWritable();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#store.commit(this.#stamped(spec(this.#now())));
      } catch (error) {
        const hasChanged = error instanceof StoreError && error.code === "state_changed";
        if (!hasChanged || attempt === WRITE_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #proven(written: Promise<TxHeader>, proveSinceTx: bigint): Promise<VerifiableTx> {
    const { id: txId } = await written;
    try {
      return verifiableTx(this.#store, txId, proveSinceTx);
    } catch (error) {
      throw new DatabaseError("stored_unproven", "the transaction is stored and cannot be proven now", { txId }, error);
    }
  }

  async #commit(spec: () => TxSpec): Promise<TxHeader> {
    this.#requireWritable();
    return this.#store.commit(this.#stamped(spec()));
  }

  #stamped(spec: TxSpec): TxSpec {
    if (this.#extra === undefined || this.settings.writeTxHeaderVersion === 0) return spec;
    return { ...spec, metadata: { truncatedUptoTx: spec.metadata?.truncatedUptoTx, extra: this.#extra } };
  }

  /** Throws `not_a_replica`. */
  requireReplica(): void {
    if (!this.isReplica) throw new DatabaseError("not_a_replica", `the database ${this.name} follows no primary`);
  }

  #requireWritable(): void {
    if (this.isReplica)
      throw new DatabaseError("replica_read_only", "a replica takes transactions from its primary alone");
  }

  /** Unix seconds. */
  #now(): bigint {
    return BigInt(Math.floor(this.#clock.nowMs() / 1000));
  }
}

/** How a store is to work for a database with these settings. */
export function modesOf(settings: DatabaseSettings): StoreModes {
  return {
    commitsAlone: !settings.replicationSettings.syncReplication,
    valuesInSegments: retains(settings),
    foreignTxsAheadMax: settings.maxActiveTransactions,
  };
}

function setSpec(request: SetRequest): TxSpec {
  const entries = request.entries.map((entry) => {
    requireKey(entry.key);
    return valueEntry(entry);
  });
  const { preconditions, spool } = request;
  return { entries, preconditions: preconditions.map(toStorePrecondition), metadata: undefined, spool };
}

function deleteSpec(request: DeleteRequest): TxSpec {
  const metadata = { deleted: true, expiresAt: undefined, nonIndexable: false };
  const entries = request.keys.map((key) => {
    requireKey(key);
    return { key: plainKey(key), value: NO_VALUE, metadata };
  });
  return { entries, preconditions: entries.map(({ key }) => ({ kind: "key_readable", key })), metadata: undefined };
}

function requireKey(key: Uint8Array): void {
  if (key.length === 0) throw new DatabaseError("illegal_arguments", "a key is empty");
}
