// What the tests of verification share: a database with a record of every class, and a copy of its rows in memory, where a
// test can change any of them as no engine would.

import { join } from "node:path";
import { compareBytes, toHex, utf8 } from "../../../src/base/bytes.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { KvMetadata } from "../../../src/proof/model.ts";
import type { StorePoint } from "../../../src/store/commit-state.ts";
import {
  type Engine,
  type EngineDriver,
  type PeekedValue,
  peekedCopy,
  type RangeOptions,
  type Row,
  type Table,
} from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { HISTORY_TABLE, LATEST_TABLE, LOG_TABLE, META_TABLE } from "../../../src/store/layout.ts";
import type { TxSpec } from "../../../src/store/tx-spec.ts";
import { verifyStore } from "../../../src/store/verify.ts";
import { Pace } from "../../../src/store/verify-pace.ts";
import { Findings } from "../../../src/store/verify-report.ts";
import { SegmentReader, type SegmentSource, segmentsOnDisk } from "../../../src/store/verify-segments.ts";
import { onDisk, SETTINGS } from "./support.ts";

/** What a written database must be found to hold. */
export interface Written {
  readonly transactions: number;
  readonly entries: number;
  /** Values that are not empty. */
  readonly values: number;
  readonly valueBytes: number;
  readonly latestRows: number;
  readonly historyRows: number;
  readonly treeNodes: number;
}

interface NewEntry {
  readonly key: string;
  /** Length of the value. */
  readonly bytes: number;
  readonly metadata?: Partial<KvMetadata>;
}

const MANY = 1000;

const entry = (key: string, bytes: number, metadata?: Partial<KvMetadata>): NewEntry => ({
  key,
  bytes,
  ...(metadata && { metadata }),
});

/** Transactions with a record of every class; each inner list is one transaction. */
const VERSION_0: readonly (readonly NewEntry[])[] = [[entry("old", 5)], [entry("old", 6), entry("older", 7)]];
const VERSION_1: readonly (readonly NewEntry[])[] = [
  [entry("small", 10)],
  Array.from({ length: 4 }, (_, i) => entry(`inside ${i}`, 20 * i)),
  Array.from({ length: 20 }, (_, i) => entry(`part ${i}`, i % 3 === 0 ? 200 : i % 3 === 1 ? 0 : 4000)),
  [entry("big", 2_500_000), entry("beside it", 3)],
  [entry("small", 11), entry("inside 1", 0, { deleted: true })],
  [entry("expires", 12, { expiresAt: 2_000_000_000n }), entry("hidden", 13, { nonIndexable: true })],
  Array.from({ length: MANY }, (_, i) => entry(`many ${i}`, i % 50)),
  Array.from({ length: 11 }, (_, i) => entry(`listed ${i}`, 9)),
  [entry("small", 14)],
];
const IN_SEGMENTS: readonly (readonly NewEntry[])[] = [
  [entry("kept apart", 30)],
  [entry("small", 15), entry("long apart", 70_000), entry("empty apart", 0)],
];
const PRECOMMITTED: readonly (readonly NewEntry[])[] = [[entry("later", 16)], [entry("small", 17)]];

/** Writes the database into a directory and closes it. With `precommitted`, the last transactions are not committed. */
export async function writeEverything(directory: string, precommitted = true): Promise<Written> {
  const open = onDisk(directory);
  const phases = [
    { txs: VERSION_0, options: { settings: { ...SETTINGS, writeTxHeaderVersion: 0 } } },
    { txs: VERSION_1, options: {} },
    { txs: IN_SEGMENTS, options: { valuesInSegments: true } },
    ...(precommitted ? [{ txs: PRECOMMITTED, options: { commitsAlone: false } }] : []),
  ];
  for (const { txs, options } of phases) {
    await using store = await open(options);
    for (const [i, tx] of txs.entries())
      await store.precommit(specOf(tx, i, tx === VERSION_1[1] ? utf8("note") : undefined));
    await store.settled();
  }
  const committed = [...VERSION_0, ...VERSION_1, ...IN_SEGMENTS];
  const all = [...committed, ...(precommitted ? PRECOMMITTED : [])];
  return { ...contentOf(all), ...rowsOf(committed) };
}

/** A small database for tests that change every byte of it. */
export async function writeSomething(directory: string): Promise<void> {
  await using store = await onDisk(directory)();
  await store.commit(specOf([entry("a", 9)], 0));
  await store.commit(
    specOf([entry("a", 4), entry("b", 0, { deleted: true }), entry("c", 3, { nonIndexable: true })], 0),
  );
  await store.commit(
    specOf(
      Array.from({ length: 9 }, (_, i) => entry(`p${i}`, i === 4 ? 300 : i)),
      1,
    ),
  );
  await store.commit(specOf([entry("a", 5, { expiresAt: 2_000_000_000n })], 0));
  await store.settled();
}

function specOf(entries: readonly NewEntry[], seed: number, extra?: Uint8Array): TxSpec {
  return {
    entries: entries.map(({ key, bytes, metadata }) => ({
      key: plainKey(utf8(key)),
      value: storeValue(key, bytes, seed),
      metadata: metadata && { deleted: false, expiresAt: undefined, nonIndexable: false, ...metadata },
    })),
    preconditions: [],
    metadata: extra && { truncatedUptoTx: undefined, extra },
  };
}

/** 0 bytes: no value at all; otherwise the prefix byte and the rest. */
function storeValue(key: string, bytes: number, seed: number): Uint8Array {
  if (bytes === 0) return new Uint8Array(0);
  return plainValue(Uint8Array.from({ length: bytes - 1 }, (_, i) => (i * 31 + key.length + seed) & 0xff));
}

function contentOf(txs: readonly (readonly NewEntry[])[]) {
  const entries = txs.flat();
  const size = txs.length;
  let treeNodes = 0;
  for (let leaves = 1; leaves <= size; leaves *= 2) treeNodes += Math.floor(size / leaves);
  return {
    transactions: size,
    entries: entries.length,
    values: entries.filter(({ bytes }) => bytes > 0).length,
    valueBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    treeNodes,
  };
}

function rowsOf(txs: readonly (readonly NewEntry[])[]) {
  const indexed = txs.flat().filter(({ metadata }) => metadata?.nonIndexable !== true);
  const latestRows = new Set(indexed.map(({ key }) => key)).size;
  return { latestRows, historyRows: indexed.length - latestRows };
}

/** Rows of one table, to be changed at will. */
export class Rows implements Table {
  readonly #rows = new Map<string, Row>();
  #sorted: Row[] | undefined;

  constructor(rows: Iterable<Row>) {
    for (const row of rows) this.set(row.key, row.value);
  }

  all(): readonly Row[] {
    this.#sorted ??= [...this.#rows.values()].sort((a, b) => compareBytes(a.key, b.key));
    return this.#sorted;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#rows.set(toHex(key), { key, value });
    this.#sorted = undefined;
  }

  remove(key: Uint8Array): void {
    this.#rows.delete(toHex(key));
    this.#sorted = undefined;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(toHex(key))?.value;
  }

  peek(key: Uint8Array): PeekedValue | undefined {
    return peekedCopy(this.get(key));
  }

  *range({ from, to, reverse, limit }: RangeOptions): Iterable<Row> {
    const rows = this.all().filter(
      ({ key }) =>
        (from === undefined || compareBytes(key, from) >= 0) && (to === undefined || compareBytes(key, to) < 0),
    );
    yield* (reverse === true ? rows.toReversed() : rows).slice(0, limit);
  }
}

/** All rows of a database. */
export class CopiedRows {
  readonly log: Rows;
  readonly logMeta: Rows;
  readonly latest: Rows;
  readonly history: Rows;
  readonly indexMeta: Rows;
  readonly #directory: string;

  private constructor(directory: string, log: Engine, index: Engine) {
    this.#directory = directory;
    this.log = new Rows(log.table(LOG_TABLE).range({}));
    this.logMeta = new Rows(log.table(META_TABLE).range({}));
    this.latest = new Rows(index.table(LATEST_TABLE).range({}));
    this.history = new Rows(index.table(HISTORY_TABLE).range({}));
    this.indexMeta = new Rows(index.table(META_TABLE).range({}));
  }

  static async of(directory: string, driver: EngineDriver = lmdbDriver): Promise<CopiedRows> {
    const log = await driver.open(join(directory, "log"), { durable: true, readOnly: true });
    const index = await driver.open(join(directory, "index"), { durable: true, readOnly: true });
    const copied = new CopiedRows(directory, log, index);
    await log.close();
    await index.close();
    return copied;
  }

  /** `onRefresh` is called where a snapshot is let go of. */
  async verify(
    known: readonly StorePoint[] = [],
    live = false,
    segmentSource: SegmentSource = segmentsOnDisk(this.#directory),
    onRefresh: () => void = () => undefined,
  ): Promise<Findings & { end: StorePoint }> {
    const findings = new Findings();
    const engine = { refresh: onRefresh } as unknown as Engine;
    const segments = new SegmentReader("testdb", segmentSource);
    const source = {
      log: { engine, log: this.log, meta: this.logMeta },
      index: { engine, latest: this.latest, history: this.history, meta: this.indexMeta },
      segments,
    };
    const end = await verifyStore(
      source,
      { live, known, hadTransactions: 0n, random: systemRandom },
      findings,
      new Pace(),
    );
    segments.close();
    return Object.assign(findings, { end });
  }
}

/** Changes one row for as long as `run` takes. */
export async function changed<T>(
  rows: Rows,
  key: Uint8Array,
  change: (value: Uint8Array) => Uint8Array | undefined,
  run: () => Promise<T>,
): Promise<T> {
  const value = rows.get(key) as Uint8Array;
  const next = change(Uint8Array.from(value));
  if (next === undefined) rows.remove(key);
  else rows.set(key, next);
  try {
    return await run();
  } finally {
    rows.set(key, value);
  }
}
