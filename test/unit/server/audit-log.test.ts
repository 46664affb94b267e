import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import type { Timers } from "../../../src/base/clock.ts";
import { AUDIT_RETRY_MS } from "../../../src/base/limits.ts";
import { MeterStore } from "../../../src/base/meter-store.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import type { Database } from "../../../src/database/database.ts";
import { AuditLog, type AuditLogParts } from "../../../src/server/audit-log.ts";
import type { CallContext } from "../../../src/services/call.ts";
import type { CallKind, CallRecord } from "../../../src/services/call-record.ts";
import { CallFailure } from "../../../src/services/error-table.ts";
import { Services } from "../../service/support.ts";

const CALL: CallRecord = {
  path: "/immudb.schema.ImmuService/Set",
  kind: "WRITE",
  user: "ann",
  peer: "10.1.2.3",
  database: "books",
  startedMs: 1_700_000_000_000,
  durationMs: 1.23456,
  failure: undefined,
};
const CTX = { caller: { kind: "session", session: { id: "a secret" } } } as unknown as CallContext;
const ALL = new Set<CallKind>(["AUTH", "ADMIN", "WRITE", "READ", "SYSTEM"]);

/** Timers that run when they are told to. */
class TestTimers implements Timers {
  readonly waiting = new Map<() => void, number>();
  after(ms: number, action: () => void): () => void {
    this.waiting.set(action, ms);
    return () => this.waiting.delete(action);
  }
  /** `ms`: only what was to wait for so long. */
  run(ms?: number): void {
    const due = [...this.waiting].filter(([, wait]) => ms === undefined || wait === ms).map(([action]) => action);
    for (const action of due) {
      this.waiting.delete(action);
      action();
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await turn();
};

describe("the audit log", () => {
  let services: Services;
  let timers: TestTimers;
  /** What keeps events from being stored; undefined: nothing. */
  let broken: Error | undefined;
  let logged: unknown[];
  beforeEach(async () => {
    services = await Services.open();
    timers = new TestTimers();
    broken = undefined;
    logged = [];
  });
  afterEach(() => services[Symbol.asyncDispose]());

  function open(parts: Partial<AuditLogParts> = {}): Promise<AuditLog> {
    const { databases, clock } = services.room;
    const use = async <T>(name: string, run: (database: Database) => T | Promise<T>): Promise<T> => {
      if (broken !== undefined) throw broken;
      return await databases.use(name, run);
    };
    const logger = { ...silentLogger, error: (fields: unknown) => void logged.push(fields) };
    const meter = new MeterStore();
    return AuditLog.open({ databases: { use }, kinds: ALL, clock, timers, logger, meter, ...parts });
  }

  /** Keys and values in their order. */
  async function events(): Promise<{ key: string; value: Record<string, unknown> }[]> {
    const admin = await services.session("immudb", "systemdb");
    const { entries } = await admin.scan({ prefix: utf8("audit:") });
    return entries.map(({ key, value }) => ({ key: utf8ToString(key), value: JSON.parse(utf8ToString(value)) }));
  }

  async function recordOne(audit: AuditLog, call: Partial<CallRecord> = {}): Promise<void> {
    await audit.reserve();
    await audit.record({ ...CALL, ...call }, CTX);
  }

  test("keeps a call under its time and number, and says who, where, what and how it ended", async () => {
    const audit = await open();
    await recordOne(audit);
    await recordOne(audit, { failure: new CallFailure(Code.Unknown, "tbtree: key not found"), database: undefined });
    const [first, second] = await events();
    assert.equal(first?.key, "audit:01700000000000000000_0000000000000001");
    const { sid, ...rest } = first.value;
    assert.deepEqual(rest, {
      ts: "2023-11-14T22:13:20.000Z",
      user: "ann",
      ip: "10.1.2.3",
      db: "books",
      method: "/immudb.schema.ImmuService/Set",
      type: "WRITE",
      ok: true,
      dur_ms: 1.235,
    });
    assert.match(String(sid), /^[0-9a-f]{16}$/, "what tells sessions apart, and lets nobody into one");
    assert.deepEqual([second?.value["ok"], second?.value["err"]], [false, "tbtree: key not found"]);
    assert.ok(!("db" in (second?.value ?? {})));
  });

  test("counts events without a gap, across restarts and when the clock is set back", async () => {
    const first = await open();
    for (let i = 0; i < 3; i++) await recordOne(first);
    await first.close();
    services.clock.ms -= 60_000;
    const second = await open();
    await Promise.all(Array.from({ length: 1000 }, () => recordOne(second)));
    const admin = await services.session("immudb", "systemdb");
    const { entries } = await admin.scan({ prefix: utf8("audit:") });
    const numbers = entries.map(({ key }) => Number(utf8ToString(key).split("_")[1]));
    assert.deepEqual(
      numbers,
      Array.from({ length: 1003 }, (_, i) => i + 1),
    );
    const { txId } = await admin.currentState({});
    assert.ok(txId < 20n, `${txId} transactions: what comes together is stored together`);
  });

  test("answers only when the event is on disk, and tries again until it is", async () => {
    const audit = await open();
    await audit.reserve();
    broken = new Error("disk");
    let isAnswered = false;
    const recorded = audit.record(CALL, CTX).then(() => {
      isAnswered = true;
    });
    await turns();
    timers.run();
    await turns();
    assert.equal(isAnswered, false);
    assert.equal(audit.isStuck, true);
    broken = undefined;
    timers.run();
    await recorded;
    assert.equal(audit.isStuck, false);
    assert.equal((await events()).length, 1);
  });

  test("begins nothing while it cannot be written: calls wait, and are refused after a while", async () => {
    const audit = await open();
    await audit.reserve();
    broken = new Error("disk");
    const recorded = audit.record(CALL, CTX);
    await turns();
    const refused = audit.reserve().then(
      () => "served",
      (error) => error.code,
    );
    assert.throws(() => audit.recordRefused(CALL, CTX), { code: "audit_full" });
    timers.run();
    assert.equal(await refused, "audit_full");
    const patient = audit.reserve();
    broken = undefined;
    timers.run(AUDIT_RETRY_MS);
    await turns();
    timers.run(AUDIT_RETRY_MS);
    await recorded;
    await patient;
    await audit.record(CALL, CTX);
    assert.equal((await events()).length, 2);
  });

  test("gives each place once: one call more than there are waits until another is recorded", async () => {
    const audit = await open({ queueMax: 2 });
    await audit.reserve();
    await audit.reserve();
    let began = 0;
    const waiting = [0, 1].map(() => audit.reserve().then(() => began++));
    await turns();
    assert.equal(began, 0);
    await audit.record(CALL, CTX);
    await turns();
    assert.equal(began, 1);
    await audit.record(CALL, CTX);
    await Promise.all(waiting);
  });

  test("records what was refused before its body was read, without making it wait", async () => {
    const audit = await open();
    audit.recordRefused({ ...CALL, user: "" }, CTX);
    await audit.close();
    assert.equal((await events()).length, 1);
  });

  test("puts what cannot be stored until the server stops into its log, whole", async () => {
    const audit = await open();
    await audit.reserve();
    broken = new Error("disk");
    const recorded = audit.record(CALL, CTX);
    await turns();
    const closed = audit.close();
    timers.run();
    await turns();
    timers.run();
    await closed;
    await recorded;
    const event = logged.find((fields) => typeof fields === "object" && fields !== null && "event" in fields);
    assert.equal((event as { event: { user: string } }).event.user, "ann");
  });

  test("puts the event of a call that ends when the log is closed already into the server's log", async () => {
    const audit = await open();
    await audit.reserve();
    await audit.close();
    broken = new Error("the databases are closed");
    await audit.record(CALL, CTX);
    assert.equal(timers.waiting.size, 0, "nobody tries again for ever");
    const event = logged.find((fields) => typeof fields === "object" && fields !== null && "event" in fields);
    assert.equal((event as { event: { user: string } }).event.user, "ann");
  });

  test("leaves out kinds that nobody asked for", async () => {
    const audit = await open({ kinds: new Set<CallKind>(["AUTH"]) });
    assert.deepEqual([audit.wants("AUTH"), audit.wants("READ")], [true, false]);
  });
});
