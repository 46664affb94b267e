// Pullers over real databases: the primary is called directly, as if the wire between the two did nothing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concat, toHex } from "../../../src/base/bytes.ts";
import { systemClock, systemTimers } from "../../../src/base/clock.ts";
import { type Logger, type Meter, silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import type { Database } from "../../../src/database/database.ts";
import type { ReplicationSettings } from "../../../src/database/replication-settings.ts";
import type { LocalReplica } from "../../../src/replication/local.ts";
import type { Primary } from "../../../src/replication/primary.ts";
import { Puller } from "../../../src/replication/puller.ts";
import { getRequest, setRequest, type TestDatabase, testDatabase } from "../database/support.ts";

const FOLLOWS = { replica: true, primaryHost: "h", primaryUsername: "u" } as const;
const SYNC_PRIMARY = { syncReplication: true, syncAcks: 1 } as const;

function local(database: Database): LocalReplica {
  return {
    name: database.name,
    uuid: "replica",
    state: async () => {
      const { txId, txHash, precommittedTxId, precommittedTxHash } = database.state();
      return { committed: { txId, txHash }, precommitted: { txId: precommittedTxId, txHash: precommittedTxHash } };
    },
    pointAt: async (txId) => ({ txId, txHash: database.pointAt(txId).alh }),
    apply: async (blob) => void (await database.replicateTx(blob)),
    commitUpTo: ({ txId, txHash }) => database.commitUpTo({ txId, alh: txHash }),
    discardPrecommitted: () => database.discardPrecommitted(),
  };
}

/** The primary, unless it is down. `tamper` changes what it exports. */
class Wire {
  readonly database: Database;
  isDown = false;
  tamper: (blob: Uint8Array) => Uint8Array = (blob) => blob;
  exports = 0;

  constructor(database: Database) {
    this.database = database;
  }

  async connect(): Promise<Primary> {
    if (this.isDown) throw new Error("down");
    const primary: Primary = {
      export: async ({ tx, replica, ...request }, { signal }) => {
        if (this.isDown) throw new Error("down");
        this.exports++;
        const state = replica && {
          uuid: replica.uuid,
          committed: { txId: replica.committed.txId, alh: replica.committed.txHash },
          precommitted: { txId: replica.precommitted.txId, alh: replica.precommitted.txHash },
        };
        try {
          const answer = await this.database.exportTx({ tx, replica: state, ...request }, signal);
          const { blob, committedTxId, mayCommit } = answer;
          return {
            blob: blob && this.tamper(concat(...blob.pieces())),
            committedTxId,
            mayCommit: mayCommit && { txId: mayCommit.txId, txHash: mayCommit.alh },
          };
        } catch (error) {
          if ((error as { code?: string }).code !== "no_new_transactions") throw error;
          return { blob: undefined, committedTxId: undefined, mayCommit: undefined };
        }
      },
      exports: (signal) => ({ ask: (request, admit) => primary.export(request, { signal, admit }) }),
      [Symbol.asyncDispose]: async () => {},
    };
    return primary;
  }
}

interface PullOptions {
  readonly logger?: Logger;
  readonly meter?: Meter;
}

function pull(wire: Wire, replica: TestDatabase, options: PullOptions = {}): Puller {
  const { logger = silentLogger, meter = silentMeter } = options;
  return new Puller({
    local: local(replica.database),
    settings: replica.database.settings.replicationSettings,
    connect: () => wire.connect(),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    logger,
    meter,
  });
}

function stateOf({ database }: TestDatabase): string {
  const { txId, txHash, precommittedTxId } = database.state();
  return `${txId} ${toHex(txHash)} ${precommittedTxId}`;
}

async function untilEqual(a: TestDatabase, b: TestDatabase): Promise<void> {
  while (stateOf(a) !== stateOf(b)) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function untilState(puller: Puller, state: string): Promise<void> {
  while (puller.state !== state) await new Promise((resolve) => setTimeout(resolve, 2));
}

function replicaOf(more: Partial<ReplicationSettings> = {}): Promise<TestDatabase> {
  return testDatabase({ replicationSettings: { ...FOLLOWS, ...more } });
}

async function write({ database }: TestDatabase, from: number, to: number): Promise<void> {
  await Promise.all(
    Array.from({ length: to - from }, (_, i) => database.set(setRequest([[`k${from + i}`, `v${from + i}`]]))),
  );
}

describe("an asynchronous replica", () => {
  test("takes what is there and what comes, and ends with the same hash", async () => {
    await using primary = await testDatabase();
    await using replica = await replicaOf({ prefetchTxBufferSize: 7 });
    await write(primary, 0, 300);
    const puller = pull(new Wire(primary.database), replica);
    await untilEqual(primary, replica);
    await write(primary, 300, 320);
    await untilEqual(primary, replica);
    assert.equal(replica.database.get(getRequest("k310")).value.length, 4);
    await puller.stop();
  });

  test("goes on where it was when the primary comes back", async () => {
    await using primary = await testDatabase();
    await using replica = await replicaOf();
    const wire = new Wire(primary.database);
    const puller = pull(wire, replica);
    await write(primary, 0, 50);
    await untilEqual(primary, replica);
    wire.isDown = true;
    await write(primary, 50, 100);
    await untilState(puller, "waiting");
    wire.isDown = false;
    await untilEqual(primary, replica);
    await puller.stop();
  });

  test("never stores a forged transaction, says which check failed, and takes the true one when it comes", async () => {
    await using primary = await testDatabase();
    await using replica = await replicaOf();
    await write(primary, 0, 3);
    const wire = new Wire(primary.database);
    const said: string[] = [];
    wire.tamper = (blob) => {
      const forged = blob.slice();
      const last = forged.length - 4;
      forged[last] = (forged[last] as number) ^ 1;
      return forged;
    };
    const warn = (fields: Readonly<Record<string, unknown>>): void => void said.push(String(fields["reason"]));
    const puller = pull(wire, replica, { logger: { ...silentLogger, warn } });
    await untilState(puller, "waiting");
    assert.equal(replica.database.state().precommittedTxId, 0n);
    assert.match(said.join(), /transaction 1 is refused: its entries are not those that its header says/);
    wire.tamper = (blob) => blob;
    await untilEqual(primary, replica);
    await puller.stop();
  });

  for (const [what, more] of [
    ["has other transactions", 5],
    ["has fewer transactions", 1],
  ] as const) {
    test(`stops when its primary ${what}`, async () => {
      await using first = await testDatabase();
      await using other = await testDatabase();
      await using replica = await replicaOf();
      await write(first, 0, 3);
      const puller = pull(new Wire(first.database), replica);
      await untilEqual(first, replica);
      await puller.stop();
      const before = stateOf(replica);
      await write(other, 100, 100 + more);
      const next = pull(new Wire(other.database), replica);
      await untilState(next, "diverged");
      assert.equal(stateOf(replica), before);
    });
  }

  test("tells how far it is behind, under the names that dashboards know", async () => {
    await using primary = await testDatabase();
    await using replica = await replicaOf();
    await write(primary, 0, 20);
    const gauges = new Map<string, number>();
    const meter: Meter = {
      ...silentMeter,
      gauge: (name, value, labels) => void gauges.set(`${name} ${labels?.["db"]}`, value),
    };
    const puller = pull(new Wire(primary.database), replica, { meter });
    await untilEqual(primary, replica);
    while (gauges.get("immudb_replication_lag testdb") !== 0) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(gauges.get("immudb_replication_primary_committed_tx_id testdb"), 20);
    await puller.stop();
  });
});

describe("a synchronous replica", () => {
  test("is what the primary waits for, and commits what that acknowledged", async () => {
    await using primary = await testDatabase({ replicationSettings: SYNC_PRIMARY });
    await using replica = await replicaOf({ syncReplication: true });
    let isAnswered = false;
    const first = primary.database.set(setRequest([["a", "1"]])).then(() => {
      isAnswered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(isAnswered, false, "nobody has it yet");
    const puller = pull(new Wire(primary.database), replica);
    await first;
    assert.equal(replica.database.state().precommittedTxId, 1n);
    for (let i = 0; i < 5; i++) {
      await write(primary, 10 * i, 10 * i + 10);
      assert.equal(replica.database.state().precommittedTxId, primary.database.state().txId);
    }
    await untilEqual(primary, replica);
    await puller.stop();
  });

  test("needs about one question for each transaction when they come in crowds", async () => {
    await using primary = await testDatabase({ replicationSettings: SYNC_PRIMARY });
    await using replica = await replicaOf({ syncReplication: true });
    const wire = new Wire(primary.database);
    const puller = pull(wire, replica);
    for (let i = 0; i < 5; i++) await write(primary, 100 * i, 100 * i + 100);
    await untilEqual(primary, replica);
    assert.ok(wire.exports < 3 * 500, `${wire.exports} questions`);
    await puller.stop();
  });

  for (const allowTxDiscarding of [true, false]) {
    test(`that has written what its new primary lacks ${allowTxDiscarding ? "drops it" : "stops"}`, async () => {
      await using lost = await testDatabase({ replicationSettings: SYNC_PRIMARY });
      await using fresh = await testDatabase();
      await using replica = await replicaOf({ syncReplication: true, allowTxDiscarding });
      const written = lost.database.set(setRequest([["a", "1"]]));
      written.catch(() => undefined);
      while (lost.database.state().precommittedTxId === 0n) await new Promise((resolve) => setTimeout(resolve, 1));
      const exported = await lost.database.exportTx({
        tx: 1n,
        allowPrecommitted: true,
        skipIntegrityCheck: false,
        replica: undefined,
      });
      await replica.database.replicateTx(concat(...(exported.blob?.pieces() ?? [])));
      assert.equal(replica.database.state().txId, 0n);
      await fresh.database.set(setRequest([["b", "2"]]));
      const puller = pull(new Wire(fresh.database), replica);
      if (allowTxDiscarding) await untilEqual(fresh, replica);
      else await untilState(puller, "diverged");
      assert.equal(replica.database.state().precommittedTxId, 1n);
      await puller.stop();
    });
  }
});
