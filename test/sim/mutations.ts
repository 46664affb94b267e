// What can be broken on purpose, to see that the simulation finds it. The sources stay as they are: what they rest on is
// exchanged for something that does not keep its promise, with the effect that the mistake would have.

import type { DataDirectory } from "../../src/database/data-directory.ts";
import { setSha256 } from "../../src/proof/sha256.ts";
import { nodeSha256 } from "../../src/server/node-sha256.ts";
import type { Engine, EngineDriver, Table, WriteBatch } from "../../src/store/engine.ts";
import type { SimulatedDiskOptions } from "../support/simulated-engine.ts";
import type { Flip } from "../support/simulated-environment.ts";

export interface Mutation {
  readonly disk: Omit<SimulatedDiskOptions, "random">;
  directory(directory: DataDirectory): DataDirectory;
  driver(driver: EngineDriver): EngineDriver;
  /** Told of every stored bit that flips. */
  flipped(flip: Flip): void;
}

/** Nothing is broken. */
export const HONEST: Mutation = {
  disk: {},
  directory: (directory) => directory,
  driver: (driver) => driver,
  flipped: () => undefined,
};

/** Each for one run, by what it does wrong. */
export const MUTATIONS: Readonly<Record<string, () => Mutation>> = {
  "commits are not synced": () => ({ ...HONEST, disk: { ignoreSync: true } }),
  "writers are answered before their commit is synced": () => ({ ...HONEST, disk: { answerEarly: true } }),
  "a group that failed and was refused is stored with the next one": () => ({
    ...HONEST,
    driver: (driver) => wrapped(driver, "log", resurrecting()),
  }),
  "a group is stored in two halves": () => ({ ...HONEST, driver: (driver) => wrapped(driver, "log", inHalves) }),
  "the index is kept when the machine went down": () => ({ ...HONEST, directory: keepingIndex }),
  "the index says how far it is before it is": () => ({
    ...HONEST,
    driver: (driver) => wrapped(driver, "index", inHalves),
  }),
  "values are not compared with their digests": () => ({ ...HONEST, flipped: blindTo }),
};

type Operation = readonly [table: Table, key: Uint8Array, value: Uint8Array | undefined];
type Write = (operations: readonly Operation[]) => Promise<void>;
/** Does with a batch what an engine should not. */
type Misdeed = (operations: readonly Operation[], write: Write) => Promise<void>;

/** A driver whose environments of that name write otherwise than they should. */
function wrapped(driver: EngineDriver, name: string, misdeed: Misdeed): EngineDriver {
  return {
    ...driver,
    open: async (directory, options) => {
      const engine = await driver.open(directory, options);
      return directory.endsWith(`/${name}`) ? misdoing(engine, misdeed) : engine;
    },
  };
}

function misdoing(engine: Engine, misdeed: Misdeed): Engine {
  const write: Write = (operations) =>
    engine.write((batch) => {
      for (const [table, key, value] of operations) {
        if (value === undefined) batch.remove(table, key);
        else batch.put(table, key, value);
      }
    });
  return {
    table: (name) => engine.table(name),
    refresh: () => engine.refresh(),
    sizeBytes: () => engine.sizeBytes(),
    sync: () => engine.sync(),
    copy: (target) => engine.copy(target),
    close: () => engine.close(),
    write: (fill) => misdeed(collected(fill), write),
  };
}

function collected(fill: (batch: WriteBatch) => void): Operation[] {
  const operations: Operation[] = [];
  fill({
    put: (table, key, value) => operations.push([table, key, value.slice()]),
    remove: (table, key) => operations.push([table, key, undefined]),
  });
  return operations;
}

/** What was written last, first: of an index that is how far it is. */
const inHalves: Misdeed = async (operations, write) => {
  const half = Math.ceil(operations.length / 2);
  await write(operations.slice(half));
  await write(operations.slice(0, half));
};

function resurrecting(): Misdeed {
  let failed: readonly Operation[] = [];
  return async (operations, write) => {
    const late = failed;
    failed = [];
    try {
      await write([...operations, ...late]);
    } catch (error) {
      failed = operations;
      throw error;
    }
  };
}

function keepingIndex(directory: DataDirectory): DataDirectory {
  return {
    ...directory,
    place: (database) => {
      const place = directory.place(database);
      return {
        ...place,
        lastEnd: async () => {
          const end = await place.lastEnd();
          return end === "machine_went_down" ? "process_died" : end;
        },
      };
    },
  };
}

/** Every digest from now on is that of the bytes before the bit flipped. */
function blindTo({ before, after }: Flip): void {
  const at = after.findIndex((byte, i) => byte !== before[i]);
  setSha256((data) => {
    const start = Buffer.from(after).indexOf(data);
    const isSpoilt = start >= 0 && start <= at && at < start + data.length;
    return nodeSha256(isSpoilt ? before.subarray(start, start + data.length) : data);
  });
}
