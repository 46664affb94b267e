// A data directory as offline commands find it: is it one, and which databases does it have?

import { access } from "node:fs/promises";
import { join } from "node:path";
import { Catalog, type CatalogEntry } from "../database/catalog.ts";
import { CATALOG_DIRECTORY } from "../database/manager.ts";
import { lmdbDriver } from "../store/engine-lmdb.ts";
import { StartError } from "./errors.ts";

/** Throws StartError unless this is a data directory: a mistyped one must not be made, and not be found to be fine. */
export async function requireDataDirectory(directory: string): Promise<void> {
  try {
    await access(join(directory, CATALOG_DIRECTORY));
  } catch (cause) {
    throw new StartError(`${directory} is not a data directory`, "name the one of the server with --dir", cause);
  }
}

/** The databases in a data directory that nobody else has open, or the one with this name. Throws StartError. */
export async function databasesIn(directory: string, name: string | undefined): Promise<CatalogEntry[]> {
  const catalog = await Catalog.open(lmdbDriver, join(directory, CATALOG_DIRECTORY));
  const entries = catalog.all().filter((entry) => !entry.deleted);
  await catalog.close();
  if (name === undefined) return entries;
  const entry = entries.find((one) => one.name === name.toLowerCase());
  if (entry !== undefined) return [entry];
  throw new StartError(
    `there is no database ${name} in ${directory}`,
    `its databases: ${entries.map((one) => one.name).join(", ")}`,
  );
}
