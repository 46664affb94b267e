// immuadmin database: what can be asked of databases, and done to them.

import { type Command, Option } from "commander";
import type { Run } from "../calls.ts";
import {
  compactIndex,
  createDatabase,
  deleteDatabase,
  flushIndex,
  loadDatabase,
  truncateDatabase,
  unloadDatabase,
  updateDatabase,
  useDatabase,
} from "./changes.ts";
import { listDatabases } from "./list.ts";
import { showSettings } from "./settings.ts";
import { addSettingsOptions, parseDuration, parsePercentage, parseSwitch } from "./settings-options.ts";

type Options = Readonly<Record<string, unknown>>;

const YES = "--yes-i-know-what-i-am-doing";

export function addDatabaseCommands(program: Command, run: Run): void {
  const database = program.command("database").alias("d").description("manage databases");
  database
    .command("list")
    .alias("l")
    .description("show the databases, with their size and state")
    .action(() => run(listDatabases));
  addSettingsOptions(database.command("create <name>"))
    .description("make a database")
    .option("--if-not-exists", "be content with one that is there")
    .action((name: string, options: Options) => run((connection) => createDatabase(connection, name, options)));
  addSettingsOptions(database.command("update <name>"))
    .description("change settings of a database while it is served")
    .action((name: string, options: Options) => run((connection) => updateDatabase(connection, name, options)));
  database
    .command("settings [name]")
    .description("show all settings of a database, of the one in use unless it is named")
    .action((name?: string) => run((connection) => showSettings(connection, name)));
  database
    .command("use <name>")
    .description("choose the database for the commands that follow")
    .action((name: string) => run((connection) => useDatabase(connection, name)));
  database
    .command("load <name>")
    .description("serve a database again")
    .action((name: string) => run((connection) => loadDatabase(connection, name)));
  database
    .command("unload <name>")
    .description("close a database to calls; its data stays")
    .action((name: string) => run((connection) => unloadDatabase(connection, name)));
  database
    .command("delete <name>")
    .description("remove an unloaded database with all its data, for good")
    .option(YES, "required")
    .action((name: string, options: Options) => run((connection) => deleteDatabase(connection, name, options)));
  database
    .command("truncate <name>")
    .description("remove values that are older than a period, for good; proofs stay")
    .option(YES, "required")
    .addOption(new Option("--retention-period <duration>", "required; at least 24h").argParser(parseDuration))
    .action((name: string, options: Options) => run((connection) => truncateDatabase(connection, name, options)));
  addIndexCommands(database, run);
}

function addIndexCommands(database: Command, run: Run): void {
  database
    .command("flush [name]")
    .description("write the index of a database, of the one in use unless it is named, to disk")
    .addOption(new Option("--cleanup-percentage <percent>", "share to clean up").default(0).argParser(parsePercentage))
    .addOption(
      new Option("--synced [true|false]", "wait until it is on disk")
        .preset("true")
        .default(true)
        .argParser(parseSwitch),
    )
    .action((name: string | undefined, options: Options) => run((connection) => flushIndex(connection, options), name));
  database
    .command("compact [name]")
    .description("write the index of a database, of the one in use unless it is named, anew without waste")
    .action((name?: string) => run(compactIndex, name));
}
