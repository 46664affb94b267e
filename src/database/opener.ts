// Opening and closing one database, and what becomes of one that cannot be opened. A cause that will be no better next time
// (what is on disk is damaged, or of another format) quarantines it: its calls answer why without trying, until it is loaded.
// Any other cause (no file descriptors, no space, no memory) is that call's bad luck: the next one tries again.

import { join } from "node:path";
import type { Clock, Timers } from "../base/clock.ts";
import type { Logger, Meter } from "../base/observe.ts";
import type { DiskSpace } from "../store/disk-space.ts";
import type { EngineDriver } from "../store/engine.ts";
import { StoreError } from "../store/errors.ts";
import { Store } from "../store/store.ts";
import type { Catalog, CatalogEntry, Extent } from "./catalog.ts";
import type { DataDirectory } from "./data-directory.ts";
import { Database, modesOf } from "./database.ts";
import { DatabaseError } from "./errors.ts";

const LASTING: readonly string[] = ["damaged", "format_unsupported"];

export interface OpenerParts {
  readonly directory: DataDirectory;
  readonly driver: EngineDriver;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly timers: Timers;
  readonly space: DiskSpace | undefined;
  /** Told that an open database must be closed; the next call opens it again, or hears why that cannot be. */
  readonly mustClose: (name: string) => void;
}

export class DatabaseOpener {
  readonly #parts: OpenerParts;
  readonly #quarantined = new Map<string, DatabaseError>();
  #open = 0;

  constructor(parts: OpenerParts) {
    this.#parts = parts;
  }

  /** Why a database is out of service; undefined when it is not. */
  quarantineOf(name: string): DatabaseError | undefined {
    return this.#quarantined.get(name);
  }

  /** Ends a quarantine: the cause may be gone, or the database is. */
  release(name: string): void {
    if (this.#quarantined.delete(name)) this.#countQuarantined();
  }

  /** Opens a database. Throws `database_quarantined` or `database_unavailable`. */
  async open(entry: CatalogEntry): Promise<Database> {
    const { name, settings } = entry;
    const { directory, driver, clock, logger, timers, space, meter } = this.#parts;
    const startedMs = clock.nowMs();
    const labels = { db: name };
    try {
      const store = await Store.open({
        database: name,
        directory: join(directory.path, name),
        place: directory.place(name),
        driver,
        settings,
        clock,
        logger,
        timers,
        space,
        ...modesOf(settings),
        onUnsound: (environment, error) => this.#unsound(name, environment, error),
        onStored: (group) => {
          const entries = group.reduce((sum, { nentries }) => sum + nentries, 0);
          meter.count("immudb_number_of_stored_entries", entries, labels);
        },
      });
      meter.observe("immudb_ts_database_open_seconds", (clock.nowMs() - startedMs) / 1000);
      meter.gauge("immudb_ts_databases_open", ++this.#open);
      return new Database(entry, store, clock);
    } catch (error) {
      throw this.#failed(name, error);
    }
  }

  /** Closes a database. What goes wrong is logged: what was acknowledged is on disk, and the next opening looks at the rest. */
  async close(database: Database): Promise<void> {
    const { catalog, logger, meter } = this.#parts;
    const { name } = database;
    try {
      const seen = new Map([[name, extentOf(database)]]);
      await database.close();
      await catalog.remember(seen);
    } catch (error) {
      logger.error({ database: name, err: error }, "closing the database failed");
    }
    meter.gauge("immudb_ts_databases_open", --this.#open);
  }

  /** Looks at what is on disk without opening it, which finds most of what would quarantine it. Never throws. */
  async look({ name }: CatalogEntry): Promise<void> {
    const { directory, driver } = this.#parts;
    try {
      await driver.check(join(directory.path, name, "log"));
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #unsound(name: string, environment: "log" | "index", error: unknown): void {
    if (environment === "log") this.#failed(name, error);
    this.#parts.mustClose(name);
  }

  #failed(name: string, error: unknown): DatabaseError {
    const { logger } = this.#parts;
    if (!(error instanceof StoreError && LASTING.includes(error.code))) {
      logger.error({ database: name, err: error }, "the database could not be opened: the next call tries again");
      return new DatabaseError("database_unavailable", `the database ${name} could not be opened`, { name }, error);
    }
    const reason = error.message;
    logger.error(
      { database: name, reason },
      "THE DATABASE IS OUT OF SERVICE, the others serve: restore it from a backup, or see what is left with immudb verify --dir",
    );
    const quarantine = new DatabaseError("database_quarantined", `${name}: ${reason}`, { name, reason }, error);
    this.#quarantined.set(name, quarantine);
    this.#countQuarantined();
    return quarantine;
  }

  #countQuarantined(): void {
    this.#parts.meter.gauge("immudb_ts_databases_quarantined", this.#quarantined.size);
  }
}

/** How much there is of an open database. */
export function extentOf(database: Database): Extent {
  return { transactions: Number(database.state().txId), bytes: database.sizeBytes() };
}
