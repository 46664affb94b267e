// The real store on a simulated disk whose power is cut: one seed decides what the clients write, how long everything takes
// and when the cut comes. After each cut the store is opened again and must hold what it promised:
//
//   - every acknowledged transaction is there, byte for byte, and its value is read back through the index
//   - the chain of the last state that any client saw continues to the present (dual proof)
//   - a transaction that was not acknowledged is there as a whole or not at all
//   - the index equals a replay of the log

import assert from "node:assert/strict";
import { equalBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/observe.ts";
import { buildDualProof, verifyDualProof } from "../../src/proof/dual.ts";
import { plainKey, plainValue } from "../../src/proof/keys.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh } from "../../src/proof/tx-header.ts";
import type { Precondition, StoreSettings, TxSpec } from "../../src/store/committer.ts";
import { StoreError } from "../../src/store/errors.ts";
import { Store } from "../../src/store/store.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { SimulatedDisk, type SimulatedDiskOptions } from "../support/simulated-engine.ts";

export const SIM_SETTINGS: StoreSettings = {
  maxKeyLen: 1024,
  maxValueLen: 1 << 20,
  maxTxEntries: 1024,
  excludeCommitTime: false,
  writeTxHeaderVersion: 1,
};

/** An acknowledged write: what its client was told, and what it wrote. */
interface Acknowledged {
  readonly header: TxHeader;
  readonly spec: TxSpec;
}

export interface CutResult {
  readonly acknowledged: number;
  readonly cuts: number;
}

const CLIENTS = 6;
const KEYS = 12;

/** Runs one seed: `cuts` times clients write until the power goes. Throws when something promised is missing. */
export async function runCuts(
  seed: number,
  cuts: number,
  options: Omit<SimulatedDiskOptions, "random"> = {},
): Promise<CutResult> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk({ ...options, random });
  const acknowledged: Acknowledged[] = [];
  for (let cut = 0; cut < cuts; cut++) {
    const store = await openStore(disk, random);
    await check(store, acknowledged);
    let running = true;
    const clients = Array.from({ length: CLIENTS }, () => client(store, random, () => running, acknowledged));
    await turns(5 + random.below(60));
    running = false;
    disk.crash(random.chance(0.5) ? "process" : "machine");
    // Clients whose write the power took are never answered; any other end of a client is a finding.
    await Promise.race([Promise.all(clients), turns(20)]);
  }
  const store = await openStore(disk, random);
  await check(store, acknowledged);
  await store.close();
  return { acknowledged: acknowledged.length, cuts };
}

function openStore(disk: SimulatedDisk, random: SeededRandom): Promise<Store> {
  return Store.open({
    database: "simulated",
    directory: "/simulated",
    place: disk.place(),
    driver: disk.driver(),
    settings: SIM_SETTINGS,
    // Jumps either way: time in headers must not go back all the same.
    clock: { nowMs: () => 1_700_000_000_000 + random.below(20_000) - 10_000 },
    logger: silentLogger,
  });
}

async function client(
  store: Store,
  random: SeededRandom,
  running: () => boolean,
  acknowledged: Acknowledged[],
): Promise<void> {
  while (running()) {
    const spec = randomSpec(random);
    try {
      acknowledged.push({ header: await store.commit(spec), spec });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (["outcome_unknown", "read_only"].includes(error.code)) return;
      assert.ok(
        ["precondition_failed", "write_failed", "duplicate_key"].includes(error.code),
        `unexpected ${error.code}`,
      );
    }
    await turns(random.below(4));
  }
}

function randomSpec(random: SeededRandom): TxSpec {
  const key = (): Uint8Array => plainKey(utf8(`key ${random.below(KEYS)}`));
  const entries = Array.from({ length: random.chance(0.7) ? 1 : 1 + random.below(20) }, () => ({
    key: random.chance(0.5) ? key() : plainKey(random.bytes(6)),
    value: plainValue(random.bytes(random.chance(0.9) ? 20 : 2000)),
    metadata: random.chance(0.1) ? { deleted: true, expiresAt: undefined, nonIndexable: false } : undefined,
  }));
  const preconditions: Precondition[] = random.chance(0.2)
    ? [{ kind: random.chance(0.5) ? "key_must_exist" : "key_must_not_exist", key: key() }]
    : [];
  return { entries, preconditions, metadata: undefined };
}

async function check(store: Store, acknowledged: readonly Acknowledged[]): Promise<void> {
  const { log } = store;
  const last = store.committed.txId;
  for (const { header, spec } of acknowledged) {
    assert.ok(header.id <= last, `acknowledged transaction ${header.id} is lost: the log ends at ${last}`);
    const record = log.checkedRecord(header.id);
    assert.ok(equalBytes(record.alh, alh(header)), `acknowledged transaction ${header.id} is another one now`);
    const entries = log.entriesWithValues(header.id, record);
    assert.deepEqual(
      entries.map(({ key, value }) => [toHex(key), toHex(value as Uint8Array)]),
      spec.entries.map(({ key, value }) => [toHex(key), toHex(value)]),
    );
  }
  const seen = acknowledged.at(-1)?.header;
  if (seen !== undefined) {
    const target = log.header(last);
    verifyDualProof(buildDualProof(seen, target, log), seen.id, last, alh(seen), store.committed.alh);
  }
  checkWholeLog(store);
}

/** Every stored transaction is whole, follows the one before it, and the index says what a replay says. */
function checkWholeLog(store: Store): void {
  const { log } = store;
  const versions = new Map<string, { txId: bigint; revision: bigint }>();
  let lastTs = 0n;
  for (let txId = 1n; txId <= store.committed.txId; txId++) {
    const record = log.checkedRecord(txId);
    const entries = log.entriesWithValues(txId, record);
    assert.equal(entries.length, record.header.nentries);
    assert.ok(record.header.ts >= lastTs, "time goes back");
    lastTs = record.header.ts;
    if (txId > 1n) assert.ok(equalBytes(record.header.prevAlh, log.alh(txId - 1n)));
    for (const { key } of entries) {
      const text = toHex(key);
      versions.set(text, { txId, revision: (versions.get(text)?.revision ?? 0n) + 1n });
    }
  }
  const indexed = new Map(
    [...store.scan({ from: undefined, to: undefined, reverse: false })].map(({ key, version }) => [
      toHex(key),
      version,
    ]),
  );
  assert.equal(indexed.size, versions.size, "the index has other keys than the log");
  for (const [key, { txId, revision }] of versions) {
    assert.equal(indexed.get(key)?.txId, txId, `latest version of ${key}`);
    assert.equal(indexed.get(key)?.revision, revision, `revision of ${key}`);
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
