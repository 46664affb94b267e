// What the ledger of one database is opened with.

import type { Clock, Timers } from "../base/clock.ts";
import type { Logger } from "../base/observe.ts";
import type { DiskSpace } from "./disk-space.ts";
import type { EngineDriver } from "./engine.ts";
import type { IndexableTx } from "./indexable.ts";
import type { StorePlace } from "./place.ts";
import type { StoreSettings } from "./tx-limits.ts";

/** What may change while it is open. */
export interface StoreModes {
  /** false: appended transactions stay precommitted until commitUpTo. Default true. */
  readonly commitsAlone: boolean;
  /** true: values are kept so that truncation is cheap (databases with a retention period). Default false. */
  readonly valuesInSegments: boolean;
  /** How far ahead of the next one a transaction from elsewhere may come. Default: FOREIGN_TXS_AHEAD_MAX. */
  readonly foreignTxsAheadMax: number;
}

export interface StoreOptions extends Partial<StoreModes> {
  /** Name of the database, for errors and logs. */
  readonly database: string;
  readonly directory: string;
  readonly place: StorePlace;
  readonly driver: EngineDriver;
  readonly settings: StoreSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly timers?: Timers | undefined;
  /** Refuses writes while too little is free. Absent: nobody looks. */
  readonly space?: DiskSpace | undefined;
  /**
   * Told, at most once, that the store must be closed: a page of the log or the index is damaged, or it could not be found out.
   * A damaged index is gone after that; a damaged log keeps the store from being opened again.
   */
  readonly onUnsound?: (environment: "log" | "index", error: unknown) => void;
  /** Told what was just stored. */
  readonly onStored?: (group: readonly IndexableTx[]) => void;
  /** Told while opening brings the index up to the log. */
  readonly onReplay?: (indexed: bigint, last: bigint) => void;
}
