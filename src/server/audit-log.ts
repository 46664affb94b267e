// The audit log: every call of the chosen kinds becomes an entry of the system database, in a transaction of its chain, so that
// nobody takes one back unseen. Who was answered finds his call in it:
//
//   reserve ── a place in the queue ──▶ (the call) ──▶ record ── on disk ──▶ answered
//      └ none for AUDIT_WAIT_MS ──▶ refused, `audit_full`, and nothing was done
//
// One transaction at a time, with all that waits (at most AUDIT_BATCH_MAX): while it syncs, the next one fills. A write that
// fails is repeated until it succeeds; meanwhile answers wait, the queue fills, and calls are refused. When the server stops
// before that, what is left goes into the log of the server, whole.
//
//   key    audit:<20 digits, nanoseconds since the Unix epoch>_<16 digits, number of the event>
//   value  {"ts","user","ip","db"?,"method","type","ok","err"?,"dur_ms","sid"?}
//
// Numbers count up by one, across restarts too, in the order of the keys: a gap is an event that is missing.

import { createHash } from "node:crypto";
import { EMPTY, utf8, utf8ToString } from "../base/bytes.ts";
import type { Clock, Timers } from "../base/clock.ts";
import { AUDIT_BATCH_MAX, AUDIT_QUEUE_MAX, AUDIT_RETRY_MS, AUDIT_STOP_MS, AUDIT_WAIT_MS } from "../base/limits.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { Database } from "../database/database.ts";
import { SYSTEM_DATABASE } from "../database/names.ts";
import type { ScanRequest } from "../database/requests.ts";
import type { CallContext } from "../services/call.ts";
import type { CallKind, CallRecord } from "../services/call-record.ts";
import { ServiceError } from "../services/errors.ts";
import type { Audit } from "../services/pipeline.ts";
import { StartError } from "./errors.ts";

const PREFIX = "audit:";
const LAST_EVENT: ScanRequest = {
  prefix: utf8(PREFIX),
  seekKey: EMPTY,
  endKey: EMPTY,
  inclusiveSeek: false,
  inclusiveEnd: false,
  desc: true,
  offset: 0,
  limit: 1,
  sinceTx: 0n,
  noWait: false,
};
const NS_PER_MS = 1_000_000n;
const SESSION_DIGITS = 16;

export interface AuditLogParts {
  /** Runs something on a database, opening it if need be. */
  readonly databases: { use<T>(name: string, run: (database: Database) => T | Promise<T>): Promise<T> };
  readonly kinds: ReadonlySet<CallKind>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Default: AUDIT_QUEUE_MAX. */
  readonly queueMax?: number;
}

interface Waiting {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly resolve: () => void;
}

export class AuditLog implements Audit, AsyncDisposable {
  readonly #parts: AuditLogParts;
  readonly #queueMax: number;
  #queue: Waiting[] = [];
  /** Calls that have a place in the queue, recorded or not yet. */
  #places = 0;
  /** Calls that wait for one, each told when it has it. */
  readonly #forPlace: (() => void)[] = [];
  /** Of the last event: what is in its key. */
  #number: bigint;
  #ns: bigint;
  #writing: Promise<void> | undefined;
  #isFailing = false;
  #isStopping = false;
  #wake: (() => void) | undefined;

  private constructor(parts: AuditLogParts, last: { readonly ns: bigint; readonly number: bigint }) {
    this.#parts = parts;
    this.#queueMax = parts.queueMax ?? AUDIT_QUEUE_MAX;
    this.#number = last.number;
    this.#ns = last.ns;
  }

  /** Goes on after the last event that there is. Throws StartError, and what keeps the system database from being opened. */
  static async open(parts: AuditLogParts): Promise<AuditLog> {
    return new AuditLog(parts, await parts.databases.use(SYSTEM_DATABASE, lastEvent));
  }

  /** Whether events cannot be stored at present. */
  get isStuck(): boolean {
    return this.#isFailing;
  }

  wants(kind: CallKind): boolean {
    return this.#parts.kinds.has(kind);
  }

  async reserve(): Promise<void> {
    if (this.#hasPlace()) this.#take();
    else if (!(await this.#tookInTime())) throw this.#full();
  }

  record(call: CallRecord, ctx: CallContext): Promise<void> {
    return this.#add(call, ctx);
  }

  recordRefused(call: CallRecord, ctx: CallContext): void {
    if (!this.#hasPlace()) throw this.#full();
    this.#take();
    void this.#add(call, ctx);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Stores what waits; what cannot be stored in AUDIT_STOP_MS, or is recorded later, goes into the server's log. */
  async close(): Promise<void> {
    const cancel = this.#parts.timers.after(AUDIT_STOP_MS, () => {
      this.#isStopping = true;
      this.#wake?.();
    });
    await this.#writing;
    cancel();
    // A call that takes longer than a stop waits for ends only now.
    this.#isStopping = true;
  }

  /** While events cannot be stored nothing more is begun. */
  #hasPlace(): boolean {
    return this.#places < this.#queueMax && !this.#isFailing;
  }

  #take(): void {
    this.#places++;
    this.#parts.meter.gauge("immudb_ts_audit_events_waiting", this.#places);
  }

  /** Whether the caller got a place before he has waited for too long. */
  #tookInTime(): Promise<boolean> {
    if (this.#forPlace.length >= this.#queueMax) return Promise.resolve(false);
    return new Promise((resolve) => {
      const proceed = (): void => {
        cancel();
        this.#take();
        resolve(true);
      };
      const cancel = this.#parts.timers.after(AUDIT_WAIT_MS, () => {
        this.#forPlace.splice(this.#forPlace.indexOf(proceed), 1);
        resolve(false);
      });
      this.#forPlace.push(proceed);
    });
  }

  #full(): ServiceError {
    this.#parts.meter.count("immudb_ts_audit_refused_total");
    const why = this.#isFailing ? "it cannot be written" : `${this.#queueMax} calls wait to be stored`;
    const message = `the audit log takes no record of the call, so it was not begun: ${why} (audit-log)`;
    return new ServiceError("audit_full", message, { limit: this.#queueMax, setting: "audit-log" });
  }

  #add(call: CallRecord, ctx: CallContext): Promise<void> {
    this.#parts.meter.count("immudb_ts_audit_events_total", 1, { type: call.kind });
    const now = BigInt(this.#parts.clock.nowMs()) * NS_PER_MS;
    // Keys are in the order of the numbers, also when the clock is set back.
    if (now > this.#ns) this.#ns = now;
    const key = utf8(keyOf(this.#ns, ++this.#number));
    return new Promise((resolve) => {
      this.#queue.push({ key, value: utf8(JSON.stringify(eventOf(call, ctx))), resolve });
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async #write(): Promise<void> {
    // All that is recorded in this turn of the event loop goes into one transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && !this.#isStopping) {
      const batch = this.#queue.slice(0, AUDIT_BATCH_MAX);
      if (await this.#store(batch)) this.#stored(batch);
      else await this.#pause();
    }
    this.#giveUp();
  }

  /** What is left when the server has stopped goes into its log. */
  #giveUp(): void {
    const { logger } = this.#parts;
    const left = this.#queue.splice(0);
    if (left.length > 0)
      logger.error({ events: left.length }, "events of the audit log could not be stored, and follow");
    for (const { value, resolve } of left) {
      logger.error({ event: JSON.parse(utf8ToString(value)) }, "audit event");
      resolve();
    }
  }

  /** Whether the events are on disk. What an attempt stored that was thought to have failed has the same keys at the next one. */
  async #store(batch: readonly Waiting[]): Promise<boolean> {
    const { databases, logger, meter } = this.#parts;
    const entries = batch.map(({ key, value }) => ({ key, value, metadata: undefined }));
    try {
      await databases.use(SYSTEM_DATABASE, (database) => database.set({ entries, preconditions: [], noWait: true }));
    } catch (error) {
      meter.count("immudb_ts_audit_write_failures_total");
      if (!this.#isFailing) logger.error({ err: error }, "THE AUDIT LOG CANNOT BE WRITTEN: calls wait, or are refused");
      this.#isFailing = true;
      return false;
    }
    if (this.#isFailing) logger.info({}, "the audit log is written again");
    this.#isFailing = false;
    return true;
  }

  #stored(batch: readonly Waiting[]): void {
    this.#queue.splice(0, batch.length);
    this.#places -= batch.length;
    for (const { resolve } of batch) resolve();
    while (this.#hasPlace() && this.#forPlace.length > 0) this.#forPlace.shift()?.();
    this.#parts.meter.gauge("immudb_ts_audit_events_waiting", this.#places);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.timers.after(AUDIT_RETRY_MS, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function keyOf(ns: bigint, number: bigint): string {
  return `${PREFIX}${String(ns).padStart(20, "0")}_${String(number).padStart(16, "0")}`;
}

/** Where the log ends. */
function lastEvent(database: Database): { readonly ns: bigint; readonly number: bigint } {
  if (database.isReplica) {
    const hint = "leave out --audit-log, or --replication-is-replica: the primary's audit log is replicated";
    throw new StartError("an audit log cannot be kept in a system database that follows a primary", hint);
  }
  const [last] = database.scan(LAST_EVENT);
  const [, ns = "0", number = "0"] = /^audit:(\d{20})_(\d{16})$/.exec(utf8ToString(last?.key ?? utf8(""))) ?? [];
  return { ns: BigInt(ns), number: BigInt(number) };
}

function eventOf(call: CallRecord, ctx: CallContext): Readonly<Record<string, unknown>> {
  const { user, peer, database, path, kind, startedMs, durationMs, failure } = call;
  const session = ctx.caller?.kind === "session" ? ctx.caller.session.id : undefined;
  return {
    ts: new Date(startedMs).toISOString(),
    user,
    ip: peer,
    ...(database !== undefined && { db: database }),
    method: path,
    type: kind,
    ok: failure === undefined,
    ...(failure !== undefined && { err: failure.message }),
    dur_ms: Math.round(durationMs * 1000) / 1000,
    // Whoever knows the id of a session is in it: what tells sessions apart is enough.
    ...(session !== undefined && { sid: createHash("sha256").update(session).digest("hex").slice(0, SESSION_DIGITS) }),
  };
}
