// The directory of the log is in the data directory, beside those of the databases, unless somebody puts it elsewhere.

import { relative, sep } from "node:path";
import type { DatabaseManager } from "../database/manager.ts";
import type { ServerConfig } from "./config.ts";
import { StartError } from "./errors.ts";

/** The name that no database may have, since its directory would be that of the log. `directory`: the data directory, absolute. */
export function namesOfLog({ logFile }: ServerConfig, directory: string): string[] {
  if (logFile === undefined) return [];
  const [first = "", ...others] = relative(directory, logFile.path).split(sep);
  return others.length === 0 || first === "" || first === ".." ? [] : [first];
}

/** Throws StartError when a database of that name is there already. */
export function requireLogApart(names: readonly string[], databases: DatabaseManager): void {
  const taken = databases.list().find(({ name }) => names.includes(name));
  if (taken === undefined) return;
  throw new StartError(
    `the log would be in the directory of the database ${taken.name}`,
    "name another directory with --logdir",
  );
}
