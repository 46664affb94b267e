// Many databases under one data directory:
//
//   <dir>/immudb.identifier    the server's identity
//   <dir>/.lock.*              one server per directory
//   <dir>/server-catalog/      which databases there are, with their settings
//   <dir>/server-credentials/  users and password hashes (the auth room's)
//   <dir>/<name>/              one database (store/layout.ts); names have letters, digits and _, so none collides
//
// Opening, closing and deleting take turns; calls on open databases do not wait for them.

import { join } from "node:path";
import { type Clock, systemTimers, type Timers } from "../base/clock.ts";
import type { Logger } from "../base/observe.ts";
import type { Random } from "../base/random.ts";
import type { DiskSpace } from "../store/disk-space.ts";
import type { EngineDriver } from "../store/engine.ts";
import { StoreError } from "../store/errors.ts";
import { Store } from "../store/store.ts";
import { Catalog, type CatalogEntry } from "./catalog.ts";
import type { DataDirectory } from "./data-directory.ts";
import { Database } from "./database.ts";
import { DatabaseError } from "./errors.ts";
import { serverIdentity } from "./identifier.ts";
import { DEFAULT_DATABASE, databaseName, isReserved, SYSTEM_DATABASE } from "./names.ts";
import { RetentionSchedule } from "./retention.ts";
import {
  changeSettings,
  type DatabaseSettings,
  type DatabaseSettingsChange,
  DEFAULT_DATABASE_SETTINGS,
  retains,
} from "./settings.ts";

const CATALOG_DIRECTORY = "server-catalog";

export interface DatabaseManagerOptions {
  readonly directory: DataDirectory;
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly timers?: Timers | undefined;
  /** Refuses writes while too little is free. Absent: nobody looks. */
  readonly space?: DiskSpace | undefined;
}

/** What is known of a database without calling it. */
export interface DatabaseInfo {
  readonly number: number;
  readonly name: string;
  readonly settings: DatabaseSettings;
  readonly loaded: boolean;
  /** Bytes; 0 while unloaded. */
  readonly diskSize: number;
  /** 0 while unloaded. */
  readonly numTransactions: bigint;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly createdBy: string;
}

export interface CreateOptions {
  readonly ifNotExists: boolean;
  readonly createdBy: string;
}

export class DatabaseManager implements AsyncDisposable {
  /** The server's identity, 20 characters. */
  readonly serverUuid: string;
  readonly #options: DatabaseManagerOptions;
  readonly #catalog: Catalog;
  readonly #open = new Map<string, Database>();
  readonly #retention: RetentionSchedule;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: DatabaseManagerOptions, serverUuid: string, catalog: Catalog) {
    this.#options = options;
    this.serverUuid = serverUuid;
    this.#catalog = catalog;
    const { clock, logger, timers = systemTimers } = options;
    const truncate = (name: string, periodMs: number): Promise<bigint> => this.get(name).truncate(periodMs);
    this.#retention = new RetentionSchedule({ clock, timers, logger, truncate });
  }

  /** Opens a data directory, creating it when missing, and every database that loads by itself. Throws `locked`. */
  static async open(options: DatabaseManagerOptions): Promise<DatabaseManager> {
    const { directory, driver, clock, random } = options;
    await directory.occupy();
    let manager: DatabaseManager | undefined;
    try {
      const identity = await serverIdentity(directory, clock, random);
      const catalog = await Catalog.open(driver, join(directory.path, CATALOG_DIRECTORY));
      manager = new DatabaseManager(options, identity, catalog);
      await manager.#start();
      return manager;
    } catch (error) {
      if (manager === undefined) await directory.leave();
      else await manager.close();
      throw error;
    }
  }

  /** Databases that users may work with: the default one first, then in order of creation. */
  list(): DatabaseInfo[] {
    const entries = this.#catalog.all().filter((entry) => !entry.deleted && entry.name !== SYSTEM_DATABASE);
    entries.sort(
      (a, b) => Number(b.name === DEFAULT_DATABASE) - Number(a.name === DEFAULT_DATABASE) || a.number - b.number,
    );
    return entries.map((entry) => this.#info(entry));
  }

  /** What is known of one database. Throws `database_not_found`. */
  info(name: string): DatabaseInfo {
    return this.#info(this.#entry(name));
  }

  /** An open database. Throws `database_not_found` or `database_unloaded`. */
  get(name: string): Database {
    const database = this.#open.get(name);
    if (database !== undefined) return database;
    this.#entry(name);
    throw new DatabaseError("database_unloaded", `the database ${name} is not loaded`, { name });
  }

  /** The name of the database with this number. Throws `database_not_found` when it was deleted. */
  nameOf(number: number): string {
    const entry = this.#catalog.all().find((known) => known.number === number && !known.deleted);
    if (entry === undefined) throw new DatabaseError("database_not_found", "the database does not exist", { number });
    return entry.name;
  }

  /** Creates a database and opens it. Deleted names are not given again. */
  create(
    asked: string,
    change: DatabaseSettingsChange,
    options: CreateOptions,
  ): Promise<{ readonly info: DatabaseInfo; readonly alreadyExisted: boolean }> {
    return this.#inTurn(async () => {
      const name = databaseName(asked);
      if (isReserved(name)) throw new DatabaseError("database_reserved", `the name ${name} is reserved`, { name });
      const known = this.#catalog.get(name);
      if (known !== undefined && !known.deleted && options.ifNotExists)
        return { info: this.#info(known), alreadyExisted: true };
      if (known !== undefined)
        throw new DatabaseError("database_exists", `the database ${name} exists or existed`, { name });
      this.#options.space?.requireRoom(0);
      const settings = changeSettings(DEFAULT_DATABASE_SETTINGS, change, name);
      return { info: this.#info(await this.#add(name, settings, options.createdBy)), alreadyExisted: false };
    });
  }

  /** Opens an unloaded database. */
  load(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entry(name);
      if (this.#open.has(name)) throw new DatabaseError("database_loaded", `the database ${name} is loaded`, { name });
      await this.#load(entry);
    });
  }

  /** Closes a database: calls under way end, later ones are refused until it is loaded again. */
  unload(name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (isReserved(name)) throw new DatabaseError("database_reserved", `the database ${name} is reserved`, { name });
      const database = this.get(name);
      this.#open.delete(name);
      this.#retention.drop(name);
      await database.close();
    });
  }

  /** Removes an unloaded database and its data for good. */
  delete(name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (isReserved(name)) throw new DatabaseError("database_reserved", `the database ${name} is reserved`, { name });
      this.#entry(name);
      if (this.#open.has(name))
        throw new DatabaseError("database_open", `the database ${name} must be unloaded first`, { name });
      await this.#catalog.markDeleted(name);
      await this.#options.directory.remove(name);
    });
  }

  /** Transactions of all open databases together. */
  numTransactions(): bigint {
    return [...this.#open.values()].reduce((sum, database) => sum + database.state().txId, 0n);
  }

  /** Bytes on disk of all open databases together. */
  diskSize(): number {
    return [...this.#open.values()].reduce((sum, database) => sum + database.sizeBytes(), 0);
  }

  /** Ends accepted writes, syncs and closes everything. Safe to call twice; whatever is asked for later is refused. */
  close(): Promise<void> {
    this.#closing ??= this.#next(async () => {
      const databases = [...this.#open.values()];
      this.#open.clear();
      this.#retention.dropAll();
      const results = await Promise.allSettled(databases.map((database) => database.close()));
      await this.#catalog.close();
      await this.#options.directory.leave();
      for (const result of results) if (result.status === "rejected") throw result.reason;
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    for (const name of [SYSTEM_DATABASE, DEFAULT_DATABASE]) {
      if (this.#catalog.get(name) === undefined) await this.#add(name, DEFAULT_DATABASE_SETTINGS, "");
    }
    for (const entry of this.#catalog.all()) {
      // A crash between marking a database as deleted and removing its data leaves the data: finish the work.
      if (entry.deleted) await this.#options.directory.remove(entry.name);
      else if (!this.#open.has(entry.name) && entry.settings.autoload) await this.#load(entry);
    }
  }

  async #add(name: string, settings: DatabaseSettings, createdBy: string): Promise<CatalogEntry> {
    const createdAt = Math.floor(this.#options.clock.nowMs() / 1000);
    const entry = await this.#catalog.add({ name, settings, createdAt, createdBy });
    await this.#load(entry);
    return entry;
  }

  async #load(entry: CatalogEntry): Promise<void> {
    const { directory, driver, clock, logger, timers, space } = this.#options;
    const { name, settings } = entry;
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
      valuesInSegments: retains(settings),
    });
    this.#open.set(name, new Database(name, settings, store, clock));
    this.#retention.keep(name, settings);
  }

  #entry(name: string): CatalogEntry {
    const entry = this.#catalog.get(name);
    if (entry === undefined || entry.deleted) {
      throw new DatabaseError("database_not_found", "the database does not exist", {
        name,
        deleted: entry !== undefined,
      });
    }
    return entry;
  }

  #info(entry: CatalogEntry): DatabaseInfo {
    const { number, name, settings, createdAt, createdBy } = entry;
    const open = this.#open.get(name);
    const diskSize = open?.sizeBytes() ?? 0;
    return {
      number,
      name,
      settings,
      createdAt,
      createdBy,
      loaded: open !== undefined,
      diskSize,
      numTransactions: open?.state().txId ?? 0n,
    };
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError("closed", "the server is closing"));
    return this.#next(action);
  }

  #next<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
