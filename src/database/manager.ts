// Many databases under one data directory:
//
//   <dir>/immudb.identifier    the server's identity
//   <dir>/.lock.*              one server per directory
//   <dir>/server-catalog/      which databases there are, with their settings
//   <dir>/server-credentials/  users and password hashes (the auth room's)
//   <dir>/<name>/              one database (store/layout.ts); names have letters, digits and _, so none collides
//
// Creating, loading, unloading and deleting take turns; calls do not wait for them. A loaded database is opened by its first
// call and may be closed between calls (active-databases.ts); one that cannot be opened answers why (opener.ts).
//
//   loaded: closed ⇄ open ── unload ──▶ unloaded ── load ──▶ loaded
//              │ cannot be opened
//              └──▶ quarantined ── load ──▶ loaded

import { join } from "node:path";
import { systemTimers } from "../base/clock.ts";
import { ACTIVE_DATABASES_MAX } from "../base/limits.ts";
import { silentMeter } from "../base/observe.ts";
import { StoreError } from "../store/errors.ts";
import { ActiveDatabases } from "./active-databases.ts";
import { Catalog, type CatalogEntry } from "./catalog.ts";
import type { Database } from "./database.ts";
import { type DatabaseCondition, type DatabaseInfo, databaseCondition, databaseInfo } from "./database-info.ts";
import { DatabaseError } from "./errors.ts";
import { serverIdentity } from "./identifier.ts";
import type { DatabaseManagerOptions } from "./manager-options.ts";
import { DEFAULT_DATABASE, databaseName, requireNotReserved, SYSTEM_DATABASE } from "./names.ts";
import { DatabaseOpener, extentOf } from "./opener.ts";
import { isSameReplication } from "./replication-settings.ts";
import { RetentionSchedule } from "./retention.ts";
import {
  changedFacts,
  type DatabaseFacts,
  type DatabaseSettingsChange,
  DEFAULT_DATABASE_SETTINGS,
  newFacts,
} from "./settings.ts";
import type { DatabaseWatcher } from "./watcher.ts";

/** Where the catalog is in a data directory. */
export const CATALOG_DIRECTORY = "server-catalog";

export class DatabaseManager implements AsyncDisposable {
  /** The server's identity, 20 characters. */
  readonly serverUuid: string;
  readonly #options: DatabaseManagerOptions;
  readonly #catalog: Catalog;
  readonly #opener: DatabaseOpener;
  readonly #active: ActiveDatabases<Database>;
  readonly #unloaded = new Set<string>();
  readonly #watchers: readonly DatabaseWatcher[];
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: DatabaseManagerOptions, serverUuid: string, catalog: Catalog) {
    this.#options = options;
    this.serverUuid = serverUuid;
    this.#catalog = catalog;
    const { directory, driver, clock, logger, space, timers = systemTimers, meter = silentMeter } = options;
    const mustClose = (name: string): void => void this.#active.close(name);
    const opener = new DatabaseOpener({ directory, driver, catalog, clock, logger, meter, timers, space, mustClose });
    this.#opener = opener;
    this.#active = new ActiveDatabases({
      max: options.activeMax ?? ACTIVE_DATABASES_MAX,
      open: (name) => this.#open(name),
      close: (database) => opener.close(database),
    });
    const truncate = (name: string, periodMs: number): Promise<bigint> =>
      this.use(name, (database) => database.truncate(periodMs));
    const retention = new RetentionSchedule({ clock, timers, logger, truncate });
    const { watcher, isQuiet = false } = options;
    this.#watchers = isQuiet ? [] : watcher === undefined ? [retention] : [retention, watcher];
  }

  /** Opens a data directory, creating it when missing. No database keeps the others from it. Throws `locked`. */
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

  /** How every database is doing, the server's own included. */
  conditions(): DatabaseCondition[] {
    return this.#infos().map((info) => databaseCondition(info, this.#opener, this.#active.peek(info.name)));
  }

  /** What is known of one database. Throws `database_not_found`. */
  info(name: string): DatabaseInfo {
    return this.#info(this.#entry(name));
  }

  /**
   * Begins a call of a database, which stays open until release(). Without a promise when it is open already. Throws or
   * rejects: what requireLoaded() throws, `database_unavailable`, `databases_busy`.
   */
  acquire(name: string): Database | Promise<Database> {
    if (this.#active.peek(name) === undefined) this.requireLoaded(name);
    return this.#active.begin(name);
  }

  /** Ends a call. */
  release(database: Database): void {
    this.#active.end(database.origin);
  }

  /** Runs something on a database, as a call of it: at once when it is open. */
  async use<T>(name: string, run: (database: Database) => T | Promise<T>): Promise<T> {
    const acquired = this.acquire(name);
    const database = acquired instanceof Promise ? await acquired : acquired;
    try {
      return await run(database);
    } finally {
      this.release(database);
    }
  }

  /** Throws `database_not_found`, `database_unloaded` or `database_quarantined` for one that no call may work on. */
  requireLoaded(name: string): void {
    this.#entry(name);
    if (this.#closing !== undefined || this.#unloaded.has(name))
      throw new DatabaseError("database_unloaded", `the database ${name} is not loaded`, { name });
    const quarantine = this.#opener.quarantineOf(name);
    if (quarantine !== undefined) throw quarantine;
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
    options: { readonly ifNotExists: boolean; readonly createdBy: string },
  ): Promise<{ readonly info: DatabaseInfo; readonly alreadyExisted: boolean }> {
    return this.#inTurn(async () => {
      const name = databaseName(asked);
      requireNotReserved(name, this.#options.takenNames);
      const known = this.#catalog.get(name);
      if (known !== undefined && !known.deleted && options.ifNotExists)
        return { info: this.#info(known), alreadyExisted: true };
      if (known !== undefined)
        throw new DatabaseError("database_exists", `the database ${name} exists or existed`, { name });
      this.#options.space?.requireRoom(0);
      const facts = newFacts(name, change);
      return { info: this.#info(await this.#add(facts, options.createdBy)), alreadyExisted: false };
    });
  }

  /**
   * Changes settings of a database; calls under way end as they began. Throws what changedFacts() throws, and
   * `database_reserved`.
   */
  update(name: string, change: DatabaseSettingsChange): Promise<DatabaseInfo> {
    return this.#inTurn(async () => {
      const entry = this.#entry(name);
      requireNotReserved(name);
      this.#options.space?.requireRoom(0);
      const changed = await this.#catalog.change(entry, changedFacts(entry, change));
      await this.#apply(changed);
      if (this.#isLoaded(name)) this.#served(changed);
      return this.#info(changed);
    });
  }

  /**
   * Removes values older than `periodMs` for good. Resolves when they are gone. Throws what Database.truncate() throws, and
   * `retention_not_reached` when none is that old.
   */
  async truncate(name: string, periodMs: number): Promise<void> {
    this.#entry(name);
    requireNotReserved(name);
    await this.use(name, async (database) => {
      if (!database.hasOlderThan(periodMs)) throw new DatabaseError("retention_not_reached", "nothing is that old");
      await database.truncate(periodMs);
    });
  }

  /** Loads an unloaded or quarantined database. It is opened, to see that it can be. */
  load(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entry(name);
      if (this.#isLoaded(name)) throw new DatabaseError("database_loaded", `the database ${name} is loaded`, { name });
      await this.#tryOpen(name);
      this.#unloaded.delete(name);
      this.#opener.release(name);
      this.#served(entry);
    });
  }

  /** Closes a database: calls under way end, later ones are refused until it is loaded again. */
  unload(name: string): Promise<void> {
    return this.#inTurn(async () => {
      requireNotReserved(name);
      this.requireLoaded(name);
      this.#unloaded.add(name);
      this.#notServed(name);
      await this.#active.close(name);
    });
  }

  /** Removes a database that is not loaded, and its data, for good. */
  delete(name: string): Promise<void> {
    return this.#inTurn(async () => {
      requireNotReserved(name);
      this.#entry(name);
      if (this.#isLoaded(name))
        throw new DatabaseError("database_open", `the database ${name} must be unloaded first`, { name });
      await this.#catalog.markDeleted(name);
      this.#opener.release(name);
      this.#notServed(name);
      await this.#removeData(name);
    });
  }

  /** Transactions of all loaded databases together. */
  numTransactions(): bigint {
    return this.#infos().reduce((sum, { numTransactions }) => sum + numTransactions, 0n);
  }

  /** Bytes on disk of all loaded databases together. */
  diskSize(): number {
    return this.#infos().reduce((sum, { diskSize }) => sum + diskSize, 0);
  }

  /** Ends accepted writes, syncs and closes everything. Safe to call twice; whatever is asked for later is refused. */
  close(): Promise<void> {
    this.#closing ??= this.#next(async () => {
      for (const { name } of this.#catalog.all()) this.#notServed(name);
      await this.#active.closeAll();
      await this.#catalog.close();
      await this.#options.directory.leave();
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    for (const name of [SYSTEM_DATABASE, DEFAULT_DATABASE]) {
      if (this.#catalog.get(name) === undefined) {
        await this.#add({ name, settings: DEFAULT_DATABASE_SETTINGS }, "");
      }
    }
    await this.#replicateDefault();
    for (const entry of this.#catalog.all()) {
      // A crash between marking a database as deleted and removing its data leaves the data: finish the work.
      if (entry.deleted) await this.#removeData(entry.name);
      else if (entry.settings.autoload) await this.#look(entry);
      else this.#unloaded.add(entry.name);
    }
    for (const name of [SYSTEM_DATABASE, DEFAULT_DATABASE]) {
      // What goes wrong has been logged, and whoever calls is told.
      if (this.#isLoaded(name)) await this.#tryOpen(name).catch(() => undefined);
    }
  }

  async #replicateDefault(): Promise<void> {
    const { defaultReplication: replicationSettings } = this.#options;
    const entry = this.#entry(DEFAULT_DATABASE);
    if (replicationSettings === undefined || isSameReplication(entry.settings.replicationSettings, replicationSettings))
      return;
    const settings = { ...entry.settings, replicationSettings };
    await this.#apply(await this.#catalog.change(entry, { ...entry, settings }));
  }

  /** What cannot be removed is removed at a later start: the database is deleted all the same. */
  async #removeData(name: string): Promise<void> {
    try {
      await this.#options.directory.remove(name);
    } catch (error) {
      this.#options.logger.error({ database: name, err: error }, "the data of a deleted database could not be removed");
    }
  }

  async #look(entry: CatalogEntry): Promise<void> {
    await this.#opener.look(entry);
    if (this.#isLoaded(entry.name)) this.#served(entry);
  }

  /** Its settings may change while it is being opened. */
  async #open(name: string): Promise<Database> {
    const database = await this.#opener.open(this.#entry(name));
    await database.apply(this.#entry(name));
    return database;
  }

  /** What is open is served as the entry says; where that fails it is opened anew by its next call. */
  async #apply(entry: CatalogEntry): Promise<void> {
    const { name } = entry;
    try {
      await (await this.#active.opened(name))?.apply(entry);
    } catch (error) {
      this.#options.logger.error({ database: name, err: error }, "changed settings wait until the database is opened");
      await this.#active.close(name);
    }
  }

  async #add(facts: DatabaseFacts, createdBy: string): Promise<CatalogEntry> {
    const { name, settings, undated } = facts;
    const createdAt = Math.floor(this.#options.clock.nowMs() / 1000);
    const entry = await this.#catalog.add({ name, settings, undated, createdAt, createdBy });
    this.#served(entry);
    try {
      await this.#tryOpen(name);
    } catch (error) {
      // It is there all the same, and is opened when there is room.
      if (!(error instanceof DatabaseError && error.code === "databases_busy")) throw error;
    }
    return entry;
  }

  #served({ name, settings }: CatalogEntry): void {
    for (const watcher of this.#watchers) watcher.served(name, settings);
  }

  #notServed(name: string): void {
    for (const watcher of this.#watchers) watcher.notServed(name);
  }

  /** Opens a database, if it is not, for no call yet. */
  async #tryOpen(name: string): Promise<void> {
    this.#active.end(await this.#active.begin(name));
  }

  #isLoaded(name: string): boolean {
    return !this.#unloaded.has(name) && this.#opener.quarantineOf(name) === undefined;
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

  #infos(): DatabaseInfo[] {
    const entries = this.#catalog.all().filter((entry) => !entry.deleted);
    return entries.map((entry) => this.#info(entry));
  }

  #info(entry: CatalogEntry): DatabaseInfo {
    const open = this.#active.peek(entry.name);
    return databaseInfo(entry, this.#isLoaded(entry.name), open && extentOf(open));
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
