// The store against a model that could not be simpler: a list of transactions. Whatever is written, in whatever order the index
// is written behind it, closed, opened, dropped: every read answers what the list says.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes, equalBytes } from "../../../src/base/bytes.ts";
import type { KvMetadata } from "../../../src/proof/model.ts";
import type { EngineDriver } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { INLINE_RECORD_BYTES_MAX, INLINE_VALUE_BYTES_MAX, VALUE_PIECE_BYTES_MAX } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TxSpec } from "../../../src/store/tx-spec.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import {
  Gate,
  hooked,
  inDirectory,
  NOW_SECONDS,
  type OpenStore,
  onDisk,
  onSimulatedDisk,
  SETTINGS,
} from "./support.ts";

interface ModelVersion {
  readonly txId: bigint;
  readonly entry: number;
  readonly metadata: KvMetadata | undefined;
  readonly value: Uint8Array;
}

class Model {
  readonly txs: TxSpec[] = [];

  /** Versions of a key, oldest first. */
  versions(key: Uint8Array): ModelVersion[] {
    return this.txs.flatMap(({ entries }, i) =>
      entries.flatMap(({ key: written, value, metadata }, entry) =>
        equalBytes(written, key) && !metadata?.nonIndexable
          ? [{ txId: BigInt(i + 1), entry, metadata, value: value as Uint8Array }]
          : [],
      ),
    );
  }
}

// Keys that begin with each other, end in ff, and are as long as may be.
const KEYS: readonly Uint8Array[] = [
  [0],
  [0, 0],
  [0, 1],
  [0, 1, 0],
  [0, 1, 0xff],
  [0, 1, 0xff, 0xff],
  [0, 0xff],
  [1],
  [0x7f, 0x80],
  [0xff],
  [0xff, 0xff],
  Array<number>(1024).fill(0xff),
].map((bytes) => Uint8Array.from(bytes));

const BORDERS: readonly number[] = [
  0,
  1,
  INLINE_VALUE_BYTES_MAX,
  INLINE_VALUE_BYTES_MAX + 1,
  INLINE_RECORD_BYTES_MAX - 90,
  INLINE_RECORD_BYTES_MAX + 1,
];
const BIG_BORDERS: readonly number[] = [
  VALUE_PIECE_BYTES_MAX,
  VALUE_PIECE_BYTES_MAX + 1,
  2 * VALUE_PIECE_BYTES_MAX + 7,
];

const metadata: fc.Arbitrary<KvMetadata | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        deleted: fc.boolean(),
        expiresAt: fc.constantFrom(undefined, 0n, NOW_SECONDS, NOW_SECONDS + 1n),
        nonIndexable: fc.boolean(),
      },
      { noNullPrototype: true },
    ),
  },
);

const valueLength = fc.oneof(
  { weight: 12, arbitrary: fc.nat(60) },
  { weight: 12, arbitrary: fc.constantFrom(...BORDERS) },
  { weight: 1, arbitrary: fc.constantFrom(...BIG_BORDERS) },
);

/** One of the known keys, or one that only fills the transaction up. */
const entryKey = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 2 }) },
);

const entry = fc.record({ key: entryKey, length: valueLength, fill: fc.nat(255), metadata });

// Lengths instead of values, so that a counterexample can be printed.
const spec = fc.uniqueArray(entry, {
  minLength: 1,
  maxLength: 20,
  selector: ({ key }) => Buffer.from(key).toString("hex"),
});

type GeneratedEntry = typeof entry extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

function specOf(entries: readonly GeneratedEntry[], version: number): TxSpec {
  return {
    entries: entries.map(({ key, length, fill, metadata }) => ({
      key,
      value: new Uint8Array(length).fill(fill),
      metadata: version === 0 ? undefined : metadata,
    })),
    preconditions: [],
    metadata: undefined,
  };
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      specs: fc.array(spec, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("indexWaits" as const, "indexGoesOn" as const, "settle" as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("reopen" as const, "dropIndex" as const),
      version: fc.constantFrom(0, 1),
    }),
  },
);

const bound = fc.option(fc.oneof(fc.constantFrom(...KEYS), fc.uint8Array({ minLength: 1, maxLength: 3 })), {
  nil: undefined,
});
const question = fc.record({ from: bound, to: bound, reverse: fc.boolean(), first: fc.nat(5), count: fc.nat(5) });

/** `thorough`: long values too. */
function check(store: Store, model: Model, questions: readonly Question[], thorough: boolean): void {
  assert.equal(store.committed.txId, BigInt(model.txs.length));
  const all = model.txs.flatMap(({ entries }) => entries.map(({ key }) => key));
  const keys = [...new Map([...KEYS, ...all].map((key) => [Buffer.from(key).toString("hex"), key])).values()].sort(
    compareBytes,
  );
  const latest = keys.map((key) => ({ key, versions: model.versions(key) }));
  for (const { key, versions } of latest) {
    const last = versions.at(-1);
    assert.deepEqual(store.latest(key), last && recordOf(last, versions.length));
    for (const { txId, entry, value } of versions) {
      if (!thorough && value.length > INLINE_RECORD_BYTES_MAX) continue;
      assert.ok(equalBytes(store.log.entry(txId, entry, key).value, value));
    }
    for (const { reverse, first, count } of questions) {
      const wanted = versions.map((version, i) => recordOf(version, i + 1)).slice(first, first + count);
      if (wanted.length < 1) continue;
      if (reverse) wanted.reverse();
      assert.deepEqual(store.revisions(key, BigInt(first + 1), BigInt(first + wanted.length), reverse), wanted);
    }
  }
  for (const { from, to, reverse } of questions) {
    const expected = latest
      .filter(({ versions }) => versions.length > 0)
      .filter(
        ({ key }) =>
          (from === undefined || compareBytes(key, from) >= 0) && (to === undefined || compareBytes(key, to) < 0),
      )
      .map(({ key, versions }) => ({
        key: Buffer.from(key),
        version: recordOf(versions.at(-1) as ModelVersion, versions.length),
      }));
    if (reverse) expected.reverse();
    const found = [...store.scan({ from, to, reverse })].map(({ key, version }) => ({
      key: Buffer.from(key),
      version,
    }));
    assert.deepEqual(found, expected);
  }
}

/** Metadata without attributes is none, as on disk. */
function recordOf({ txId, entry, metadata }: ModelVersion, revision: number): object {
  const none =
    metadata === undefined || (!metadata.deleted && metadata.expiresAt === undefined && !metadata.nonIndexable);
  return { txId, entry, revision: BigInt(revision), metadata: none ? undefined : metadata };
}

async function run(
  steps: readonly Step[],
  questions: readonly Question[],
  open: OpenStore,
  driver: EngineDriver,
  dropIndex: () => Promise<void>,
): Promise<void> {
  const gate = new Gate();
  const slow = hooked(driver, { before: (name) => (name === "index" ? gate.passed() : undefined) });
  const model = new Model();
  let version = 1;
  const openAgain = (): Promise<Store> =>
    open({ driver: slow, settings: { ...SETTINGS, writeTxHeaderVersion: version } });
  let store = await openAgain();
  const checkNow = (thorough = false): void => check(store, model, questions, thorough);
  try {
    for (const step of steps) {
      switch (step.kind) {
        case "commit": {
          const specs = step.specs.map((entries) => specOf(entries, version));
          const headers = await Promise.all(specs.map((spec) => store.commit(spec)));
          model.txs.push(...specs);
          assert.equal(headers.at(-1)?.id, BigInt(model.txs.length));
          assert.equal(headers.at(-1)?.version, version);
          break;
        }
        case "indexWaits":
          gate.shut();
          break;
        case "indexGoesOn":
          gate.open();
          break;
        case "settle":
          gate.open();
          await store.settled();
          assert.equal(store.indexed, store.committed.txId);
          break;
        case "reopen":
        case "dropIndex":
          gate.open();
          await store.close();
          if (step.kind === "dropIndex") await dropIndex();
          version = step.version;
          store = await openAgain();
          break;
      }
      checkNow();
    }
    gate.open();
    await store.settled();
    checkNow(true);
  } finally {
    gate.open();
    await store.close();
  }
}

describe("every read answers what was written", () => {
  test("on the simulated disk", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.array(question, { minLength: 1, maxLength: 6 }),
        async (steps, questions) => {
          const disk = new SimulatedDisk({ random: new SeededRandom(steps.length) });
          await run(steps, questions, onSimulatedDisk(disk), disk.driver(), () =>
            disk.driver().destroy(join("simulated", "index")),
          );
        },
      ),
      { seed: 20_243, numRuns: 60 },
    ));

  test("on LMDB", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.array(question, { minLength: 1, maxLength: 6 }),
        (steps, questions) =>
          inDirectory(async (directory) => {
            const dropIndex = (): Promise<void> => rm(join(directory, "index"), { recursive: true });
            await run(steps, questions, onDisk(directory), lmdbDriver, dropIndex);
          }),
      ),
      { seed: 20_244, numRuns: 30 },
    ));
});
