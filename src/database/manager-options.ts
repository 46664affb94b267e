// What a server's databases are made to work with.

import type { Clock, Timers } from "../base/clock.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { Random } from "../base/random.ts";
import type { DiskSpace } from "../store/disk-space.ts";
import type { EngineDriver } from "../store/engine.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { ReplicationSettings } from "./replication-settings.ts";
import type { DatabaseWatcher } from "./watcher.ts";

export interface DatabaseManagerOptions {
  readonly directory: DataDirectory;
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Databases open at once, at least 1. Default: ACTIVE_DATABASES_MAX. */
  readonly activeMax?: number | undefined;
  /** Default: nobody counts. */
  readonly meter?: Meter | undefined;
  /** Default: the system's. */
  readonly timers?: Timers | undefined;
  /** Refuses writes while too little is free. Absent: nobody looks. */
  readonly space?: DiskSpace | undefined;
  /** true: nothing is done to databases by itself: no old values are removed, and nobody is told which are served. */
  readonly isQuiet?: boolean | undefined;
  /** Names in the data directory that are somebody else's: no database is created under them. Default: none. */
  readonly takenNames?: readonly string[] | undefined;
  /** Told which databases are served. Absent: nobody. */
  readonly watcher?: DatabaseWatcher | undefined;
  /** How the default database is replicated, whatever it was before. Absent: as before. */
  readonly defaultReplication?: ReplicationSettings | undefined;
}
