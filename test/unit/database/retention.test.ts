// Retention of a database on disk, with time in the test's hands: values that are old enough are in no file any more and are
// read as what is gone, everything else stays, and every transaction can still be proven.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { diskDirectory } from "../../../src/database/data-directory.ts";
import type { Database } from "../../../src/database/database.ts";
import { DatabaseManager } from "../../../src/database/manager.ts";
import type { DatabaseSettingsChange } from "../../../src/database/settings.ts";
import { verifyDualProof } from "../../../src/proof/dual.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import { useNodeSha256 } from "../../../src/server/node-sha256.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { TestTime } from "../../support/test-time.ts";
import { codeOf } from "../store/support.ts";

useNodeSha256();

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS_KEPT = 7;
const RETENTION: DatabaseSettingsChange = {
  truncationSettings: { retentionPeriod: DAYS_KEPT * DAY_MS, truncationFrequency: HOUR_MS },
};
const secret = (day: number): string => `secret of day ${day}.`;

interface Kept {
  readonly directory: string;
  readonly time: TestTime;
  readonly manager: DatabaseManager;
  readonly database: Database;
}

async function withDatabase(change: DatabaseSettingsChange, body: (kept: Kept) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "retention-"));
  const time = new TestTime();
  const home = diskDirectory(directory, systemRandom);
  const parts = { driver: lmdbDriver, clock: time, timers: time, random: systemRandom, logger: silentLogger };
  const manager = await DatabaseManager.open({ directory: home, ...parts });
  try {
    await manager.create("kept", change, { ifNotExists: false, createdBy: "test" });
    await body({ directory, time, manager, database: await manager.acquire("kept") });
  } finally {
    await manager.close();
    assert.equal(time.waiting, 0, "nothing is looked at any more");
    await rm(directory, { recursive: true });
  }
}

async function set(database: Database, key: string, value: string): Promise<void> {
  const entries = [{ key: utf8(key), value: utf8(value), metadata: undefined }];
  await database.set({ entries, preconditions: [], noWait: false });
}

/** A transaction a day: `daily` is given a new value, and a key of the day one that never changes. */
async function writeDays({ time, database }: Kept, days: number): Promise<void> {
  for (let day = 1; day <= days; day++) {
    await set(database, `day ${day}`, secret(day));
    await set(database, "daily", `daily ${secret(day)}`);
    time.pass(DAY_MS);
    await removed(database);
  }
}

/** A look that has begun has ended: truncations take turns. */
async function removed(database: Database): Promise<void> {
  await database.settled();
  await database.truncate(10_000 * DAY_MS);
}

async function holds(directory: string, needle: string): Promise<boolean> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && (await readFile(join(entry.parentPath, entry.name))).includes(needle)) return true;
  }
  return false;
}

const getRequest = (key: string) => ({ key: utf8(key), atTx: 0n, sinceTx: 0n, atRevision: 0n, noWait: false });
const SCAN = {
  prefix: utf8("day "),
  seekKey: utf8(""),
  endKey: utf8(""),
  inclusiveSeek: true,
  inclusiveEnd: true,
  desc: false,
  offset: 0,
  limit: 0,
  sinceTx: 0n,
  noWait: false,
};

test("values older than the retention period are in no file any more, and read as what is gone", () =>
  withDatabase(RETENTION, async (kept) => {
    const { directory, database } = kept;
    await writeDays(kept, 10);
    for (let day = 1; day <= 10; day++) assert.equal(await holds(directory, secret(day)), day > 3, secret(day));

    assert.equal(await codeOf(() => database.get(getRequest("day 3"))), "value_truncated");
    assert.equal(utf8ToString(database.get(getRequest("day 4")).value), secret(4));
    const names = (entries: readonly { key: Uint8Array }[]) => entries.map(({ key }) => utf8ToString(key));
    const days = ["day 10", "day 4", "day 5", "day 6", "day 7", "day 8", "day 9"];
    assert.deepEqual(names(database.scan({ ...SCAN, limit: 100 })), days);
    assert.equal(database.count(utf8("day ")), 7n);
    const keys = ["day 1", "day 4", "daily"].map(utf8);
    assert.deepEqual(names(database.getAll({ keys, sinceTx: 0n })), ["day 4", "daily"]);

    const history = database.history({ key: utf8("daily"), offset: 0, limit: 0, desc: false, sinceTx: 0n });
    assert.deepEqual(
      history.map(({ expired, value }) => [expired, utf8ToString(value)]),
      Array.from({ length: 10 }, (_, i) => (i < 3 ? [true, ""] : [false, `daily ${secret(i + 1)}`])),
    );
  }));

test("a transaction whose values are gone is proven as before", () =>
  withDatabase(RETENTION, async (kept) => {
    const { database } = kept;
    await writeDays(kept, 10);
    const { txId, txHash } = database.state();
    for (let tx = 1n; tx <= txId; tx++) {
      const request = { tx, entriesSpec: undefined, sinceTx: 0n, noWait: false, keepReferencesUnresolved: false };
      const { tx: proven, dualProof } = database.verifiableTxById({ tx: request, proveSinceTx: txId });
      verifyDualProof(dualProof, tx, txId, alh(proven.header), txHash);
    }
  }));

test("nothing is removed from a database without a retention period", () =>
  withDatabase({}, async ({ directory, time, database }) => {
    await set(database, "old", secret(1));
    time.pass(10_000 * DAY_MS);
    assert.equal(await holds(directory, secret(1)), true);
    assert.equal(utf8ToString(database.get(getRequest("old")).value), secret(1));
  }));

test("the last transaction keeps its values, however old it is", () =>
  withDatabase(RETENTION, async ({ time, database }) => {
    await set(database, "older", secret(1));
    await set(database, "last", secret(2));
    time.pass(100 * DAY_MS);
    await removed(database);
    assert.equal(await codeOf(() => database.get(getRequest("older"))), "value_truncated");
    assert.equal(utf8ToString(database.get(getRequest("last")).value), secret(2));
  }));

test("a clock that was set removes nothing at the next look, and counts at the one after it", () =>
  withDatabase(RETENTION, async ({ directory, time, database }) => {
    await set(database, "first", secret(1));
    await set(database, "second", secret(2));
    time.pass(HOUR_MS);
    time.set(10 * DAY_MS);
    time.pass(HOUR_MS);
    await removed(database);
    assert.equal(await holds(directory, secret(1)), true, "somebody may still set it back");
    time.pass(HOUR_MS);
    await removed(database);
    assert.equal(await holds(directory, secret(1)), false);
  }));

test("a retention period survives a restart and an unload", () =>
  withDatabase(RETENTION, async ({ directory, time, manager, database }) => {
    await set(database, "first", secret(1));
    await set(database, "second", secret(2));
    await manager.unload("kept");
    assert.equal(time.waiting, 0);
    await manager.load("kept");
    time.pass(8 * DAY_MS);
    await removed(await manager.acquire("kept"));
    assert.equal(await holds(directory, secret(1)), false);
  }));

test("truncating by hand takes a period of at least a day, and says from where on values are kept", () =>
  withDatabase({}, async ({ directory, time, database }) => {
    await set(database, "first", secret(1));
    time.pass(2 * DAY_MS);
    await set(database, "second", secret(2));
    assert.equal(await codeOf(() => database.truncate(DAY_MS - 1)), "retention_period_short");
    assert.equal(await codeOf(() => database.truncate(Number.NaN)), "retention_period_short");
    assert.equal(await database.truncate(3 * DAY_MS), 1n);
    assert.equal(await database.truncate(DAY_MS), 2n);
    assert.equal(await holds(directory, secret(1)), false);
    assert.equal(await holds(directory, secret(2)), true);
  }));

test("a database whose transactions have no time cannot be truncated by their age", () =>
  withDatabase({ excludeCommitTime: true }, async ({ database }) => {
    await set(database, "first", secret(1));
    assert.equal(await codeOf(() => database.truncate(DAY_MS)), "illegal_argument");
  }));
