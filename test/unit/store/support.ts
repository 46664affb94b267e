// What the tests of the store share: directories that go away, stores on a real or a simulated disk, an engine whose writes
// a test counts, holds back or lets fail, and the code of an error.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { utf8 } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { KvMetadata } from "../../../src/proof/model.ts";
import { useNodeSha256 } from "../../../src/server/node-sha256.ts";
import type { Engine, EngineDriver, Table } from "../../../src/store/engine.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { diskPlace } from "../../../src/store/place.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoreOptions } from "../../../src/store/store-options.ts";
import type { StoreSettings } from "../../../src/store/tx-limits.ts";
import type { TxSpec } from "../../../src/store/tx-spec.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";

useNodeSha256();

export const SETTINGS: StoreSettings = {
  maxKeyLen: 1024,
  maxValueLen: 8 << 20,
  maxTxEntries: 1024,
  excludeCommitTime: false,
  writeTxHeaderVersion: 1,
};

/** Time that stands still until a test moves it. */
export const NOW_SECONDS = 1_700_000_000n;

/** Runs `body` with a new directory, which is removed afterwards. */
export async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "immudb-store-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Opens stores that are the same one, again and again. */
export type OpenStore = (options?: Partial<StoreOptions>) => Promise<Store>;

/** A store in a directory, on LMDB. */
export function onDisk(directory: string): OpenStore {
  return (options) => Store.open({ ...common(directory), place: diskPlace(directory, systemRandom), ...options });
}

/** A store on a simulated disk. */
export function onSimulatedDisk(disk: SimulatedDisk = new SimulatedDisk({ random: new SeededRandom(1) })): OpenStore {
  return (options) => Store.open({ ...common("simulated"), driver: disk.driver(), place: disk.place(), ...options });
}

function common(directory: string): Omit<StoreOptions, "place"> {
  return {
    database: "testdb",
    directory,
    driver: lmdbDriver,
    settings: SETTINGS,
    clock: { nowMs: () => Number(NOW_SECONDS) * 1000 },
    logger: silentLogger,
  };
}

export type EnvironmentName = "log" | "index";

export interface EngineHooks {
  /** Awaited before a batch is written. Throwing here: nothing is stored. */
  readonly before?: (environment: EnvironmentName) => Promise<void> | void;
  /** Awaited after a batch was written. Throwing here: it is stored all the same. */
  readonly after?: (environment: EnvironmentName) => Promise<void> | void;
  readonly opening?: (environment: EnvironmentName) => Promise<void> | void;
}

/** The same engines, with a say in every write. */
export function hooked(driver: EngineDriver, hooks: EngineHooks): EngineDriver {
  return {
    ...driver,
    open: async (directory, options) => {
      const environment = basename(directory) as EnvironmentName;
      await hooks.opening?.(environment);
      const engine = await driver.open(directory, options);
      let under: Promise<unknown> = Promise.resolve();
      return {
        table: (name) => engine.table(name),
        refresh: () => engine.refresh(),
        sizeBytes: () => engine.sizeBytes(),
        sync: () => engine.sync(),
        copy: (target) => engine.copy(target),
        close: async () => {
          await under;
          await engine.close();
        },
        write: async (fill) => {
          const operations: [Table, Uint8Array, Uint8Array | undefined][] = [];
          fill({
            put: (table, key, value) => operations.push([table, key, value]),
            remove: (table, key) => operations.push([table, key, undefined]),
          });
          const done = under.then(async () => {
            await hooks.before?.(environment);
            await replay(engine, operations);
            await hooks.after?.(environment);
          });
          under = done.catch(() => undefined);
          await done;
        },
      };
    },
  };
}

function replay(engine: Engine, operations: readonly [Table, Uint8Array, Uint8Array | undefined][]): Promise<void> {
  return engine.write((batch) => {
    for (const [table, key, value] of operations) {
      if (value === undefined) batch.remove(table, key);
      else batch.put(table, key, value);
    }
  });
}

/** A gate that writes wait at while it is shut. */
export class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open: (() => void) | undefined;

  shut(): void {
    if (this.#open !== undefined) return;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
    this.#open = undefined;
  }

  passed(): Promise<void> {
    return this.#opened;
  }
}

/** A transaction of plain entries without preconditions, from user keys and values. */
export function setOf(...entries: readonly (readonly [key: string, value: string, metadata?: KvMetadata])[]): TxSpec {
  return {
    entries: entries.map(([key, value, metadata]) => ({
      key: plainKey(utf8(key)),
      value: plainValue(utf8(value)),
      metadata,
    })),
    preconditions: [],
    metadata: undefined,
  };
}

/** The code of the error that `run` throws or rejects with; "none" when it does neither. */
export async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return "none";
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    return (error as { code: string }).code;
  }
}

/** Lets `count` turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
