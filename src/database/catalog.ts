// The catalog: which databases there are, with their settings, in a small environment of its own beside them. Names of deleted
// databases stay, so that a new database can never pass for an old one: clients keep trusted state by name.
//
// Table "databases": u32 number → JSON. Numbers count up in order of creation.

import { u32, utf8, utf8ToString, viewOf } from "../base/bytes.ts";
import type { Engine, EngineDriver, Table } from "../store/engine.ts";
import { StoreError } from "../store/errors.ts";
import { DatabaseError } from "./errors.ts";
import {
  type DatabaseSettings,
  type DatabaseSettingsChange,
  DEFAULT_DATABASE_SETTINGS,
  mergeSettings,
} from "./settings.ts";

export interface CatalogEntry {
  /** Counts up in order of creation, from 1; tokens and tools name databases by it. */
  readonly number: number;
  readonly name: string;
  readonly settings: DatabaseSettings;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly deleted: boolean;
  /** As of DatabaseFacts. */
  readonly undated?: boolean | undefined;
  /** What it had when it was last closed; absent when it never was. */
  readonly lastSeen?: Extent | undefined;
}

/** How much there is of a database. */
export interface Extent {
  readonly transactions: number;
  /** On disk. */
  readonly bytes: number;
}

const TABLE = "databases";

export class Catalog {
  readonly #engine: Engine;
  readonly #table: Table;
  readonly #entries = new Map<string, CatalogEntry>();

  private constructor(engine: Engine) {
    this.#engine = engine;
    this.#table = engine.table(TABLE);
    for (const { key, value } of this.#table.range({})) {
      const entry = decodeEntry(viewOf(key).getUint32(0), value);
      this.#entries.set(entry.name, entry);
    }
  }

  static async open(driver: EngineDriver, directory: string): Promise<Catalog> {
    return new Catalog(await driver.open(directory, { durable: true, distrusted: true }));
  }

  /** Databases in order of creation, deleted ones included. */
  all(): CatalogEntry[] {
    return [...this.#entries.values()];
  }

  get(name: string): CatalogEntry | undefined {
    return this.#entries.get(name);
  }

  /** Adds a database. Its name must be new. */
  async add(entry: Omit<CatalogEntry, "number" | "deleted">): Promise<CatalogEntry> {
    const numbers = this.all().map((known) => known.number);
    return this.#put({ ...entry, number: Math.max(0, ...numbers) + 1, deleted: false });
  }

  /** Gives a database other settings. Its entry now. */
  change(
    entry: CatalogEntry,
    { settings, undated }: Pick<CatalogEntry, "settings" | "undated">,
  ): Promise<CatalogEntry> {
    return this.#put({ ...entry, settings, undated });
  }

  /** Marks a database as deleted; its name stays taken. It is, also when that is not known to be stored: nobody may write to it. */
  async markDeleted(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    const deleted = { ...entry, deleted: true };
    try {
      await this.#put(deleted);
    } catch (error) {
      if (error instanceof DatabaseError) this.#entries.set(name, deleted);
      throw error;
    }
  }

  /** Keeps what databases had when they were closed. */
  async remember(seen: ReadonlyMap<string, Extent>): Promise<void> {
    const changed = [...seen].flatMap(([name, lastSeen]) => {
      const entry = this.#entries.get(name);
      const isNews = lastSeen.transactions !== entry?.lastSeen?.transactions || lastSeen.bytes !== entry.lastSeen.bytes;
      return entry === undefined || !isNews ? [] : [{ ...entry, lastSeen }];
    });
    for (const entry of changed) this.#entries.set(entry.name, entry);
    if (changed.length > 0) await this.#store(changed);
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  async #put(entry: CatalogEntry): Promise<CatalogEntry> {
    await this.#store([entry]);
    this.#entries.set(entry.name, entry);
    return entry;
  }

  /** Throws `disk_low` when nothing was stored, and `catalog_unwritable` when that is not known. */
  async #store(entries: readonly CatalogEntry[]): Promise<void> {
    const write = (): Promise<void> =>
      this.#engine.write((batch) => {
        for (const { number, ...stored } of entries) batch.put(this.#table, u32(number), utf8(JSON.stringify(stored)));
      });
    try {
      // What a failed write has left is not known; the same rows once more make it known.
      await write().catch(write);
    } catch (error) {
      if (error instanceof StoreError && error.code === "disk_low") throw error;
      throw new DatabaseError("catalog_unwritable", "the catalog of databases cannot be written", {}, error);
    }
  }
}

/** Settings that a later version added get their defaults. */
function decodeEntry(number: number, value: Uint8Array): CatalogEntry {
  try {
    const stored = JSON.parse(utf8ToString(value)) as Omit<CatalogEntry, "number" | "settings"> & {
      settings: DatabaseSettingsChange;
    };
    return { ...stored, number, settings: mergeSettings(DEFAULT_DATABASE_SETTINGS, stored.settings) };
  } catch (error) {
    throw new StoreError(
      "damaged",
      `data is damaged: entry ${number} of the catalog of databases`,
      { what: "catalog" },
      error,
    );
  }
}
