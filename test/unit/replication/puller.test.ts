import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Logger, silentMeter } from "../../../src/base/observe.ts";
import type { TxPoint } from "../../../src/client/errors.ts";
import type { ReplicationSettings } from "../../../src/database/replication-settings.ts";
import { DEFAULT_DATABASE_SETTINGS } from "../../../src/database/settings.ts";
import { ReplicationError } from "../../../src/replication/errors.ts";
import type { LocalReplica } from "../../../src/replication/local.ts";
import type { Primary } from "../../../src/replication/primary.ts";
import { Puller } from "../../../src/replication/puller.ts";
import { TestTime } from "../../support/test-time.ts";
import { DrivenPrimary, settled } from "./support.ts";

const SETTINGS: ReplicationSettings = {
  ...DEFAULT_DATABASE_SETTINGS.replicationSettings,
  replica: true,
  primaryHost: "primary.example",
  primaryUsername: "immudb",
  primaryPassword: "do not show this",
};

function point(txId: bigint): TxPoint {
  return { txId, txHash: new Uint8Array(32).fill(Number(txId)) };
}

/** An empty database that takes whatever comes. */
class Taking implements LocalReplica {
  readonly name = "db";
  readonly uuid = "uuid";
  readonly applied: Uint8Array[] = [];
  committed = 0n;
  /** Written and not committed. */
  tail = 0n;
  discarded = 0;

  async state() {
    return { committed: point(this.committed), precommitted: point(this.committed + this.tail) };
  }

  async pointAt(txId: bigint) {
    return point(txId);
  }

  async apply(blob: Uint8Array): Promise<void> {
    this.applied.push(blob);
    this.committed++;
  }

  async commitUpTo(): Promise<void> {}

  async discardPrecommitted(): Promise<bigint> {
    const count = this.tail;
    this.tail = 0n;
    this.discarded++;
    return count;
  }
}

class Rig {
  readonly time = new TestTime();
  readonly local = new Taking();
  readonly said: { level: string; fields: object; message: string }[] = [];
  connections = 0;
  connect: () => Promise<Primary> = () => Promise.reject(new Error("nobody there"));
  readonly puller: Puller;

  constructor(settings: Partial<ReplicationSettings> = {}, connect?: () => Promise<Primary>) {
    if (connect !== undefined) this.connect = connect;
    const say = (level: string) => (fields: object, message: string) => void this.said.push({ level, fields, message });
    const logger: Logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
    this.puller = new Puller({
      local: this.local,
      settings: { ...SETTINGS, ...settings },
      connect: () => {
        this.connections++;
        return this.connect();
      },
      clock: this.time,
      timers: this.time,
      random: { bytes: (length) => new Uint8Array(length).fill(255) },
      logger,
      meter: silentMeter,
    });
  }
}

async function many(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await settled();
}

describe("a puller", () => {
  test("tries again and again, less and less often, and complains once", async () => {
    const rig = new Rig();
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      await many();
      assert.equal(rig.puller.state, "waiting");
      const before = rig.connections;
      let waited = 0;
      for (; rig.connections === before; waited += 50) {
        rig.time.pass(50);
        await settled();
      }
      waits.push(waited);
    }
    assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    assert.equal(rig.said.filter(({ level }) => level === "warn").length, 1);
    assert.ok(!JSON.stringify(rig.said).includes("do not show this"));
    await rig.puller.stop();
    assert.equal(rig.puller.state, "stopped");
    assert.equal(rig.time.waiting, 0);
  });

  test("takes one transaction after the other, asks again for what is not there yet, and stops when told", async () => {
    const primary = new DrivenPrimary();
    const rig = new Rig({}, () => Promise.resolve(primary));
    await many();
    assert.equal(rig.puller.state, "following");
    primary.of(1n).answer({ blob: new Uint8Array([1]), committedTxId: 3n });
    await many();
    assert.deepEqual(primary.asked, [1n, 2n, 3n]);
    primary.of(3n).answer({ blob: new Uint8Array([3]), committedTxId: 3n });
    primary.of(2n).answer({ blob: new Uint8Array([2]), committedTxId: 3n });
    await many();
    assert.deepEqual(
      rig.local.applied.map((blob) => blob[0]),
      [1, 2, 3],
    );
    primary.of(4n).answer({});
    await many();
    assert.equal(primary.open.length, 0, "it waits");
    rig.time.pass(4);
    await many();
    assert.equal(primary.of(4n).replica, undefined);
    await rig.puller.stop();
    assert.equal(rig.puller.state, "stopped");
    assert.ok(primary.of(4n).options.signal?.aborted);
  });

  test("has its wait set back by what comes of a connection", async () => {
    const rig = new Rig();
    for (let i = 0; i < 5; i++) {
      await many();
      rig.time.pass(10_000);
    }
    const primary = new DrivenPrimary();
    rig.connect = () => Promise.resolve(primary);
    await many();
    rig.time.pass(10_000);
    await many();
    primary.of(1n).answer({ blob: new Uint8Array(1), committedTxId: 1n });
    await many();
    primary.of(2n).refuse(new Error("cut"));
    await many();
    const { connections } = rig;
    rig.time.pass(100);
    await many();
    assert.equal(rig.connections, connections + 1);
    await rig.puller.stop();
  });

  test("stops for good, and says so, when its history is another one", async () => {
    const primary = new DrivenPrimary();
    const rig = new Rig({}, () => Promise.resolve(primary));
    await many();
    primary.of(1n).refuse(new ReplicationError("commit_diverged", "transaction 1 is another one"));
    await many();
    assert.equal(rig.puller.state, "diverged");
    const [told] = rig.said.filter(({ level }) => level === "error");
    assert.ok(told !== undefined);
    assert.match(told.message, /HISTORY IS NOT THAT OF ITS PRIMARY/);
    assert.equal((told.fields as { code?: string }).code, "commit_diverged");
    rig.time.pass(100_000);
    await many();
    assert.equal(rig.connections, 1);
    await rig.puller.stop();
    assert.equal(rig.puller.state, "diverged");
  });

  for (const allowTxDiscarding of [true, false]) {
    test(`${allowTxDiscarding ? "drops" : "keeps"} what was never committed, as its settings say`, async () => {
      const primary = new DrivenPrimary();
      const rig = new Rig({ syncReplication: true, allowTxDiscarding }, () => Promise.resolve(primary));
      rig.local.tail = 2n;
      await many();
      primary.of(2n).answer({});
      await many();
      assert.equal(rig.local.discarded, allowTxDiscarding ? 1 : 0);
      assert.equal(rig.puller.state, allowTxDiscarding ? "following" : "diverged");
      await rig.puller.stop();
    });
  }
});

describe("a synchronous puller", () => {
  test("tells what it has with the question for more, asks ahead without telling, and commits when allowed", async () => {
    const primary = new DrivenPrimary();
    const rig = new Rig({ syncReplication: true }, () => Promise.resolve(primary));
    await many();
    assert.deepEqual(primary.of(1n).replica?.precommitted.txId, 0n);
    assert.equal(primary.of(1n).allowPrecommitted, true);
    primary.of(1n).answer({ blob: new Uint8Array([1]), committedTxId: 0n, mayCommit: point(0n) });
    await many();
    assert.equal(primary.of(2n).replica, undefined, "a look ahead");
    primary.of(2n).answer({});
    await many();
    assert.equal(primary.of(2n).replica?.precommitted.txId, 1n, "an acknowledgement");
    primary.of(2n).answer({ committedTxId: 1n, mayCommit: point(1n) });
    await many();
    assert.equal(primary.of(2n).replica?.committed.txId, 1n, "at once, since there was news");
    await rig.puller.stop();
  });

  test("acknowledges what it writes beside a look ahead that the primary does not answer, one call after the other", async () => {
    const primary = new DrivenPrimary();
    const rig = new Rig({ syncReplication: true }, () => Promise.resolve(primary));
    await many();
    primary.of(1n).answer({ blob: new Uint8Array([1]), committedTxId: 0n, mayCommit: point(0n) });
    await many();
    assert.equal(primary.of(2n).replica, undefined);
    const beside = primary.of(3n);
    assert.equal(beside.replica?.precommitted.txId, 1n);
    primary.of(2n).answer({ blob: new Uint8Array([2]), committedTxId: 0n });
    await many();
    const told = () => primary.open.flatMap(({ replica }) => replica?.precommitted.txId ?? []);
    assert.deepEqual(told(), [1n]);
    beside.answer({ committedTxId: 1n, mayCommit: point(1n) });
    await many();
    assert.deepEqual(told(), [2n]);
    assert.equal(rig.local.applied.length, 2);
    await rig.puller.stop();
  });
});
