// A client of one server: plain calls as they are, verified calls with their proofs checked. The same in Node and in a page:
// it runs over any Connect transport, and what differs (transport, where trusted state is kept) is passed in.

import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";
import type { ImmutableState } from "../../gen/immudb/schema/proof_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { CLIENT_TIMEOUT_MS } from "../base/limits.ts";
import type { Entry, State, Tx, TxHeader, ZEntry } from "../proof/model.ts";
import { parsePublicKey, verifyStateSignature } from "../proof/signed-state.ts";
import { entryFromWire, zEntryFromWire } from "../wire/entries.ts";
import { stateFromWire } from "../wire/state.ts";
import { txFromWire } from "../wire/tx.ts";
import { txHeaderFromWire } from "../wire/tx-header.ts";
import { type Credentials, credentialHeaders, NO_CREDENTIALS } from "./credentials.ts";
import { asVerificationError } from "./errors.ts";
import { Exports } from "./exports.ts";
import {
  getOperation,
  referenceOperation,
  setOperation,
  txOperation,
  type WriteOperation,
  zAddOperation,
} from "./operations.ts";
import { type ExportAnswer, type ExportOptions, type ExportRequest, exportTx, replicateTx } from "./replication.ts";
import {
  type BindOptions,
  type Bytes,
  type HistoryOptions,
  historyToWire,
  type KeyValue,
  keyRequestToWire,
  keyValueToWire,
  type Precondition,
  preconditionToWire,
  type ReadOptions,
  referenceRequestToWire,
  type ScanOptions,
  scanToWire,
  toBytes,
  type WriteOptions,
  type ZScanOptions,
  zAddToWire,
  zScanToWire,
} from "./requests.ts";
import { MemoryStateStore, type StateStore } from "./trusted-state.ts";
import { type Operation, type ProofReport, runVerified, type Verified, type VerifiedServer } from "./verified.ts";

export interface ClientOptions {
  /** How the user names the server (`host:port`, or a page's origin). Its identity is pinned to this name. */
  readonly address: string;
  /** Where trusted states are kept; in memory unless given. */
  readonly store?: StateStore | undefined;
  /** The server's public key, PEM. When given, every state must be signed with it. */
  readonly serverKey?: string | undefined;
  /** Credentials from an earlier login, and the database that they are for. */
  readonly credentials?: Credentials | undefined;
  readonly database?: string | undefined;
  /** Longest wait for one answer, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** How often an open session tells the server that it is still wanted, in milliseconds; never unless given. */
  readonly keepAliveMs?: number | undefined;
}

/** The state that a server claims, and how far it has written beyond it. */
export interface ServerState extends State {
  readonly precommittedTxId: bigint;
  readonly precommittedTxHash: Uint8Array;
}

export interface ServerInfo {
  readonly version: string;
  /** Unix seconds. */
  readonly startedAt: bigint;
  readonly numTransactions: bigint;
  readonly numDatabases: number;
  readonly databasesDiskSizeBytes: bigint;
}

export interface DatabaseHealth {
  readonly pendingRequests: number;
  /** Unix milliseconds; 0 before the first request. */
  readonly lastRequestCompletedAtMs: bigint;
}

/** A verified write: the transaction that it made. */
export interface Written {
  readonly header: TxHeader;
  readonly proof: ProofReport;
}

/** Database of a login that has chosen none. */
const FIRST_DATABASE = "defaultdb";

/**
 * Refusals of the server arrive as ConnectError with the server's text in `rawMessage` (`refusalOf` tells what they mean),
 * answers that do not verify as VerificationError, and what the client itself cannot do as ClientError.
 */
export class ImmuClient {
  readonly address: string;
  readonly #server: VerifiedServer;
  readonly #timeoutMs: number;
  readonly #keepAliveMs: number | undefined;
  #credentials: Credentials;
  #database: string;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  /** Makes no call. Throws ProofError `public_key_malformed`. */
  constructor(transport: Transport, options: ClientOptions) {
    this.address = options.address;
    this.#server = {
      address: options.address,
      store: options.store ?? new MemoryStateStore(),
      publicKey: options.serverKey === undefined ? undefined : parsePublicKey(options.serverKey),
      rpc: createClient(ImmuService, transport),
    };
    this.#timeoutMs = options.timeoutMs ?? CLIENT_TIMEOUT_MS;
    this.#keepAliveMs = options.keepAliveMs;
    this.#credentials = options.credentials ?? NO_CREDENTIALS;
    this.#database = options.database ?? FIRST_DATABASE;
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** The database that calls go to. */
  get database(): string {
    return this.#database;
  }

  /** Opens a session in one database: the way for a program that stays. */
  async openSession(user: string, password: Bytes, database: string = FIRST_DATABASE): Promise<void> {
    const request = { username: toBytes(user), password: toBytes(password), databaseName: database };
    const { sessionID } = await this.#rpc.openSession(request, this.#anonymous());
    this.#credentials = { kind: "session", sessionId: sessionID };
    this.#database = database.toLowerCase();
    this.#startHeartbeat();
  }

  /**
   * Logs in with a token, which outlives the connection. A server with several databases wants `useDatabase` next.
   * Returns what the server warns about, "" for nothing.
   */
  async login(user: string, password: Bytes): Promise<{ readonly warning: string }> {
    const request = { user: toBytes(user), password: toBytes(password) };
    const { token, warning } = await this.#rpc.login(request, this.#anonymous());
    this.#stopHeartbeat();
    this.#credentials = { kind: "token", token };
    this.#database = FIRST_DATABASE;
    return { warning: new TextDecoder().decode(warning) };
  }

  async useDatabase(name: string): Promise<void> {
    const { token } = await this.#rpc.useDatabase({ databaseName: name }, this.#call());
    if (this.#credentials.kind === "token") this.#credentials = { kind: "token", token };
    this.#database = name.toLowerCase();
  }

  /** Ends the session or the token. */
  async logout(): Promise<void> {
    this.#stopHeartbeat();
    if (this.#credentials.kind === "session") await this.#rpc.closeSession({}, this.#call());
    else await this.#rpc.logout({}, this.#call());
    this.#credentials = NO_CREDENTIALS;
  }

  /** Ends an open session; a token is left alone, it may be stored for later. The transport belongs to the caller. */
  async close(): Promise<void> {
    if (this.#credentials.kind === "session") await this.logout();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async health(): Promise<{ readonly status: boolean; readonly version: string }> {
    const { status, version } = await this.#rpc.health({}, this.#anonymous());
    return { status, version };
  }

  async databaseHealth(): Promise<DatabaseHealth> {
    const { pendingRequests, lastRequestCompletedAt } = await this.#rpc.databaseHealth({}, this.#call());
    return { pendingRequests, lastRequestCompletedAtMs: lastRequestCompletedAt };
  }

  async serverInfo(): Promise<ServerInfo> {
    const answer = await this.#rpc.serverInfo({}, this.#anonymous());
    const { version, startedAt, numTransactions, numDatabases, databasesDiskSize } = answer;
    return { version, startedAt, numTransactions, numDatabases, databasesDiskSizeBytes: databasesDiskSize };
  }

  /**
   * The state that the server claims: signed, when a key is configured, but not proven to continue the trusted one, which
   * does not change.
   */
  async currentState(): Promise<ServerState> {
    const wire = await this.#rpc.currentState({}, this.#call());
    const { precommittedTxId, precommittedTxHash } = wire;
    return { ...this.#signedState(wire), precommittedTxId, precommittedTxHash };
  }

  async set(key: Bytes, value: Bytes, options: WriteOptions = {}): Promise<TxHeader> {
    return this.setAll([{ key, value, ...options }]);
  }

  /** Writes all entries in one transaction, or none of them. */
  async setAll(entries: readonly KeyValue[], preconditions: readonly Precondition[] = []): Promise<TxHeader> {
    const request = { KVs: entries.map(keyValueToWire), preconditions: preconditions.map(preconditionToWire) };
    return txHeaderFromWire(await this.#rpc.set(request, this.#call()));
  }

  async delete(...keys: readonly Bytes[]): Promise<TxHeader> {
    return txHeaderFromWire(await this.#rpc.delete({ keys: keys.map(toBytes) }, this.#call()));
  }

  /** Makes `key` stand for `referencedKey`, which must hold a value. */
  async setReference(key: Bytes, referencedKey: Bytes, { atTx = 0n }: BindOptions = {}): Promise<TxHeader> {
    const request = { key: toBytes(key), referencedKey: toBytes(referencedKey), atTx };
    return txHeaderFromWire(await this.#rpc.setReference(referenceRequestToWire(request), this.#call()));
  }

  /** Adds a key that holds a value to a sorted set. */
  async zAdd(set: Bytes, score: number, key: Bytes, { atTx = 0n }: BindOptions = {}): Promise<TxHeader> {
    const request = { set: toBytes(set), score, key: toBytes(key), atTx };
    return txHeaderFromWire(await this.#rpc.zAdd(zAddToWire(request), this.#call()));
  }

  async get(key: Bytes, options: ReadOptions = {}): Promise<Entry> {
    return entryFromWire(await this.#rpc.get(keyRequestToWire(key, options), this.#call()));
  }

  /** The entries of those keys that exist, in the order asked for. */
  async getAll(keys: readonly Bytes[], options: Pick<ReadOptions, "sinceTx"> = {}): Promise<readonly Entry[]> {
    const { entries } = await this.#rpc.getAll({ keys: keys.map(toBytes), ...options }, this.#call());
    return entries.map(entryFromWire);
  }

  async scan(options: ScanOptions = {}): Promise<readonly Entry[]> {
    const { entries } = await this.#rpc.scan(scanToWire(options), this.#call());
    return entries.map(entryFromWire);
  }

  /** The members of a sorted set by score: from 0 up, then the negative ones from the greatest down. */
  async zScan(set: Bytes, options: ZScanOptions = {}): Promise<readonly ZEntry[]> {
    const { entries } = await this.#rpc.zScan(zScanToWire(set, options), this.#call());
    return entries.map(zEntryFromWire);
  }

  /** All revisions of a key, deletions included, oldest first unless asked otherwise. */
  async history(key: Bytes, options: HistoryOptions = {}): Promise<readonly Entry[]> {
    const { entries } = await this.#rpc.history(historyToWire(key, options), this.#call());
    return entries.map(entryFromWire);
  }

  /** How many keys begin with `prefix`; all keys for an empty one. */
  async count(prefix: Bytes = ""): Promise<bigint> {
    const bytes = toBytes(prefix);
    const answer =
      bytes.length === 0
        ? await this.#rpc.countAll({}, this.#call())
        : await this.#rpc.count({ prefix: bytes }, this.#call());
    return answer.count;
  }

  /** A transaction with its entries' keys and digests. */
  async txById(tx: bigint): Promise<Tx> {
    return txFromWire(await this.#rpc.txById({ tx }, this.#call()));
  }

  /** A transaction as a replica takes it: not verified here, whoever stores it does that. */
  exportTx(request: ExportRequest, options?: ExportOptions): Promise<ExportAnswer> {
    return exportTx(this.#rpc, request, credentialHeaders(this.#credentials), options);
  }

  /** Many of them, each asked for without waiting for those before it. `signal` ends all that are asked for. */
  exports(signal: AbortSignal): Exports {
    const headers = (): CallOptions => ({ headers: credentialHeaders(this.#credentials) });
    return new Exports({
      begin: (requests, signal) => this.#rpc.streamExportTx(requests, { ...headers(), signal }),
      one: (request, admit) => this.exportTx(request, { signal, admit }),
      signal,
    });
  }

  /** Gives an exported transaction to a replica; resolves when it is on disk there. */
  replicateTx(blob: Uint8Array): Promise<TxHeader> {
    return replicateTx(this.#rpc, blob, this.#call());
  }

  /** Writes one entry and proves that a new transaction holds exactly it. */
  verifiedSet(key: Bytes, value: Bytes, { metadata }: WriteOptions = {}): Promise<Written> {
    return this.#write(setOperation(this.#rpc, { key: toBytes(key), value: toBytes(value), metadata }));
  }

  /** `setReference` with the same proof. */
  verifiedSetReference(key: Bytes, referencedKey: Bytes, { atTx = 0n }: BindOptions = {}): Promise<Written> {
    const request = { key: toBytes(key), referencedKey: toBytes(referencedKey), atTx };
    return this.#write(referenceOperation(this.#rpc, request));
  }

  /** `zAdd` with the same proof. */
  verifiedZAdd(set: Bytes, score: number, key: Bytes, { atTx = 0n }: BindOptions = {}): Promise<Written> {
    return this.#write(zAddOperation(this.#rpc, { set: toBytes(set), score, key: toBytes(key), atTx }));
  }

  /**
   * Reads a key and proves that the entry was written in the transaction it names. When the key is a reference, the value
   * it leads to is proven by a second read. Not proven: the revision, and that nothing newer exists.
   */
  async verifiedGet(
    key: Bytes,
    options: ReadOptions = {},
  ): Promise<{ readonly entry: Entry; readonly proof: ProofReport }> {
    const found = await this.#verifiedEntry(toBytes(key), options);
    const { entry } = found;
    if (entry.referencedBy === undefined) return found;
    const target = await this.#verifiedEntry(entry.key, { atTx: entry.tx }, entry);
    return { entry, proof: { ...target.proof, checks: [...found.proof.checks, ...target.proof.checks] } };
  }

  /** Reads a transaction and proves that it is the one with this id and holds exactly the entries listed. */
  async verifiedTxById(tx: bigint): Promise<{ readonly tx: Tx; readonly proof: ProofReport }> {
    const { answer, proof } = await this.#verified(txOperation(this.#rpc, tx));
    return { tx: answer.tx, proof };
  }

  /** `claimed`: what a reference said it leads to; the entry must be exactly that. */
  async #verifiedEntry(
    key: Uint8Array,
    options: ReadOptions,
    claimed?: Entry,
  ): Promise<{ readonly entry: Entry; readonly proof: ProofReport }> {
    const { answer, proof } = await this.#verified(getOperation(this.#rpc, key, options, claimed));
    return { entry: answer.entry, proof };
  }

  async #write(operation: WriteOperation): Promise<Written> {
    const { answer, proof } = await this.#verified(operation);
    return { header: answer.tx.header, proof };
  }

  #verified<Wire, Answer>(operation: Operation<Wire, Answer>): Promise<Verified<Answer>> {
    return runVerified(this.#server, this.#database, this.#call(), operation);
  }

  #signedState(wire: ImmutableState): State {
    const { publicKey } = this.#server;
    try {
      const state = stateFromWire(wire);
      return publicKey === undefined ? state : verifyStateSignature(state, publicKey);
    } catch (error) {
      const where = { server: this.address, database: this.#database, trusted: undefined, offered: wire };
      throw asVerificationError(error, where);
    }
  }

  get #rpc(): Client<typeof ImmuService> {
    return this.#server.rpc;
  }

  #anonymous(): CallOptions {
    return { timeoutMs: this.#timeoutMs };
  }

  #call(): CallOptions {
    return { ...this.#anonymous(), headers: credentialHeaders(this.#credentials) };
  }

  #startHeartbeat(): void {
    this.#stopHeartbeat();
    if (this.#keepAliveMs === undefined) return;
    // A beat that fails needs no answer: the next call of the user meets the same error and reports it.
    const beat = (): void => void this.#rpc.keepAlive({}, this.#call()).catch(() => {});
    this.#heartbeat = setInterval(beat, this.#keepAliveMs);
  }

  #stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}
