// A program with a real store and nothing else: it writes, truncates, closes and opens again, and says on its output what it
// was promised before it goes on. Whoever started it kills it, lets its system calls fail or takes its disk away, and then
// compares what it said with what is there (store-judge.ts).
//
// Argument: a WriterPlan as JSON. Output: one Report per line, written at once. Input: ended, it stops a loop.

import { writeSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/observe.ts";
import { systemRandom } from "../../src/base/random.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh } from "../../src/proof/tx-header.ts";
import { useNodeSha256 } from "../../src/server/node-sha256.ts";
import type { EngineDriver } from "../../src/store/engine.ts";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { diskPlace } from "../../src/store/place.ts";
import { Store } from "../../src/store/store.ts";
import type { StoreOptions } from "../../src/store/store-options.ts";
import { verifyDatabase } from "../../src/store/verify-database.ts";
import { Pace } from "../../src/store/verify-pace.ts";
import { Findings } from "../../src/store/verify-report.ts";
import { attemptEntries } from "./store-attempts.ts";

export type Phase = "open" | "index" | "truncate" | "verify";

export interface WriterPlan {
  readonly directory: string;
  /**
   * "tour": every phase once, then the end. "loop": writes until the input ends. "verify": does not open the store, and
   * verifies what is there, again and again until the input ends.
   */
  readonly script: "tour" | "loop" | "verify";
  /** Number of the first transaction that it tries. */
  readonly first: number;
  readonly valuesInSegments: boolean;
  /** Bytes of a value. */
  readonly valueBytes: number;
  /** Entries of the transactions of a loop. */
  readonly entries?: number;
  /** A loop truncates after so many transactions; absent: never. */
  readonly truncateEvery?: number;
  /** Longest pause of a loop between two transactions, in milliseconds. */
  readonly pauseMs?: number;
}

export type Report =
  | { readonly say: "enter" | "leave"; readonly phase: Phase }
  | { readonly say: "opened" | "closed" | "done" }
  | { readonly say: "sent"; readonly attempt: number; readonly entries: number }
  | { readonly say: "acknowledged"; readonly attempt: number; readonly tx: string; readonly alh: string }
  | { readonly say: "failed"; readonly attempt: number; readonly code: string }
  | { readonly say: "truncating" | "truncated"; readonly tx: string }
  /** Something other than a write was refused. */
  | { readonly say: "refused"; readonly what: "open" | "truncate" | "read" | "close"; readonly code: string }
  /** What must never happen. */
  | { readonly say: "wrong"; readonly what: string };

/** An attempt to open that fails is repeated: a fault that hits once must not keep a store closed. */
const OPEN_ATTEMPTS = 3;

export function storeOptions(directory: string, valuesInSegments: boolean, driver: EngineDriver): StoreOptions {
  return {
    database: "db",
    directory,
    place: diskPlace(directory, systemRandom),
    driver,
    settings: {
      maxKeyLen: 1024,
      maxValueLen: 1 << 20,
      maxTxEntries: 1024,
      excludeCommitTime: false,
      writeTxHeaderVersion: 1,
    },
    clock: systemClock,
    logger: silentLogger,
    valuesInSegments,
  };
}

function say(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : String(error);
}

async function during<T>(phase: Phase, action: () => Promise<T>): Promise<T> {
  say({ say: "enter", phase });
  try {
    return await action();
  } finally {
    say({ say: "leave", phase });
  }
}

/** LMDB, telling when a batch of the index is written. */
const tellingDriver: EngineDriver = {
  ...lmdbDriver,
  open: async (directory, options) => {
    const engine = await lmdbDriver.open(directory, options);
    if (basename(directory) !== "index") return engine;
    const write = engine.write.bind(engine);
    engine.write = (fill) => during("index", () => write(fill));
    return engine;
  },
};

class StoreWriter {
  readonly #plan: WriterPlan;
  #attempt: number;
  #store: Store;

  private constructor(plan: WriterPlan, store: Store) {
    this.#plan = plan;
    this.#attempt = plan.first;
    this.#store = store;
  }

  static async open(plan: WriterPlan): Promise<StoreWriter> {
    return new StoreWriter(plan, await openStore(plan));
  }

  async tour(): Promise<void> {
    for (const entries of [1, 2, 1]) await this.write(entries);
    await this.write(40);
    await Promise.all([this.write(1), this.write(1), this.write(2)]);
    await this.truncate();
    await this.write(1);
    await this.reopen();
    await this.write(2);
    await this.close();
  }

  async loop(isOver: () => boolean): Promise<void> {
    const { entries = 1, truncateEvery = 0, pauseMs = 0 } = this.#plan;
    for (let count = 1; !isOver(); count++) {
      const stored = await this.write(entries);
      if (!stored) await sleep(5);
      else if (pauseMs > 0) await sleep(Math.random() * pauseMs);
      if (truncateEvery > 0 && count % truncateEvery === 0) await this.truncate();
    }
    await this.close();
  }

  async close(): Promise<void> {
    try {
      await this.#store.close();
      say({ say: "closed" });
    } catch (error) {
      say({ say: "refused", what: "close", code: codeOf(error) });
    }
  }

  async reopen(): Promise<void> {
    await this.close();
    this.#store = await openStore(this.#plan);
  }

  /** One transaction. Whether it was acknowledged. A store whose end is not known any more is opened again. */
  async write(count: number): Promise<boolean> {
    const attempt = this.#attempt++;
    const entries = attemptEntries(attempt, count, this.#plan.valueBytes);
    say({ say: "sent", attempt, entries: count });
    try {
      const header = await this.#store.commit({ entries, preconditions: [], metadata: undefined });
      say({ say: "acknowledged", attempt, tx: String(header.id), alh: toHex(alh(header)) });
      this.#readBack(header, entries);
      return true;
    } catch (error) {
      say({ say: "failed", attempt, code: codeOf(error) });
      if (codeOf(error) === "read_only") await this.reopen();
      return false;
    }
  }

  async truncate(): Promise<void> {
    const { txId } = this.#store.committed;
    if (txId < 2n) return;
    const tx = String(txId - 1n);
    say({ say: "truncating", tx });
    try {
      await during("truncate", () => this.#store.truncateBefore(txId - 1n));
      say({ say: "truncated", tx });
    } catch (error) {
      say({ say: "refused", what: "truncate", code: codeOf(error) });
    }
  }

  /** What was acknowledged can be read, as it was written; or the store says that it cannot be read just now. */
  #readBack({ id }: TxHeader, entries: ReturnType<typeof attemptEntries>): void {
    for (const { key, value } of [entries[0], entries.at(-1)] as typeof entries) {
      try {
        const version = this.#store.latest(key);
        if (version === undefined) say({ say: "wrong", what: `key ${key} of transaction ${id} is not there` });
        else if (
          version.txId === id &&
          !sameBytes(this.#store.log.entry(id, version.entry, key).value, value as Uint8Array)
        )
          say({ say: "wrong", what: `key ${key} of transaction ${id} has another value` });
      } catch (error) {
        const code = codeOf(error);
        if (code === "closed" || code === "read_only") say({ say: "refused", what: "read", code });
        else if (code !== "value_truncated") say({ say: "wrong", what: `key ${key} of transaction ${id}: ${code}` });
      }
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function openStore({ directory, valuesInSegments }: WriterPlan): Promise<Store> {
  for (let tries = 1; ; tries++) {
    try {
      const store = await during("open", () => Store.open(storeOptions(directory, valuesInSegments, tellingDriver)));
      say({ say: "opened" });
      return store;
    } catch (error) {
      say({ say: "refused", what: "open", code: codeOf(error) });
      if (tries === OPEN_ATTEMPTS) throw error;
    }
  }
}

/** What a crash left is whole: verification finds nothing. */
async function verifyOnce(directory: string): Promise<void> {
  const job = { database: "db", directory, live: false, known: [], hadTransactions: 0n };
  const parts = { driver: lmdbDriver, random: systemRandom, findings: new Findings(), pace: new Pace() };
  const { findings } = await during("verify", () => verifyDatabase(job, parts));
  for (const finding of findings) say({ say: "wrong", what: `verification finds ${finding.class}: ${finding.what}` });
}

async function play(plan: WriterPlan, isOver: () => boolean): Promise<void> {
  if (plan.script === "verify") {
    while (!isOver()) await verifyOnce(plan.directory);
    return;
  }
  const writer = await StoreWriter.open(plan);
  await (plan.script === "tour" ? writer.tour() : writer.loop(isOver));
}

if (import.meta.main) {
  useNodeSha256();
  const plan: WriterPlan = JSON.parse(process.argv[2] as string);
  let isOver = false;
  process.stdin.on("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  await play(plan, () => isOver);
  say({ say: "done" });
  process.stdin.destroy();
}
