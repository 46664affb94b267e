// The index of a database, built anew from its log. Nothing but time is lost with an index: it is derived, and a server that
// finds it missing or wrong builds it by itself. This is for who does not want to wait for that, or does not trust the one
// that is there.

import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/observe.ts";
import { systemRandom } from "../base/random.ts";
import { diskDirectory } from "../database/data-directory.ts";
import { lmdbDriver } from "../store/engine-lmdb.ts";
import { Store } from "../store/store.ts";
import { databasesIn, requireDataDirectory } from "./data-on-disk.ts";
import { StartError } from "./errors.ts";
import { useNodeSha256 } from "./node-sha256.ts";

export interface RebuiltIndex {
  readonly database: string;
  readonly transactions: bigint;
  readonly durationMs: number;
}

export interface RebuildOptions {
  readonly directory: string;
  /** undefined: all. */
  readonly database: string | undefined;
  readonly logger: Logger;
  /** Transactions of a database that its new index holds, of all that it has. */
  readonly onProgress: (database: string, indexed: bigint, last: bigint) => void;
}

/** Takes the directory for itself. Throws StartError, `locked`, and what opening a database throws. */
export async function rebuildIndexes(options: RebuildOptions): Promise<RebuiltIndex[]> {
  const { directory, logger, onProgress } = options;
  useNodeSha256();
  await requireDataDirectory(directory);
  const home = diskDirectory(directory, systemRandom);
  await home.occupy();
  try {
    const rebuilt: RebuiltIndex[] = [];
    for (const { name, settings } of await databasesIn(directory, options.database)) {
      const startedMs = performance.now();
      const place = join(directory, name);
      // An index without a log is how a lost log is noticed: it stays.
      if (!(await lmdbDriver.exists(join(place, "log")))) {
        throw new StartError(`the log of database ${name} is missing`, `restore ${place} from a backup`);
      }
      await lmdbDriver.destroy(join(place, "index"));
      const store = await Store.open({
        database: name,
        directory: place,
        place: home.place(name),
        driver: lmdbDriver,
        settings,
        clock: systemClock,
        logger,
        onReplay: (indexed, last) => onProgress(name, indexed, last),
      });
      const transactions = store.committed.txId;
      await store.close();
      rebuilt.push({ database: name, transactions, durationMs: performance.now() - startedMs });
    }
    return rebuilt;
  } finally {
    await home.leave();
  }
}
