// Commands that change a database, or which one is worked with. Each is one call, and says what it did.

import { UsageError } from "../../exit-codes.ts";
import type { Answer } from "../../output.ts";
import { type AdminConnection, calling } from "../calls.ts";
import { settingsOf } from "./settings-options.ts";

type Options = Readonly<Record<string, unknown>>;

export function createDatabase(connection: AdminConnection, name: string, options: Options): Promise<Answer> {
  const { message: settings, echo } = settingsOf(options);
  const ifNotExists = options["ifNotExists"] === true;
  return calling(connection, async ({ rpc, call }) => {
    const created = await rpc.createDatabaseV2({ name, settings, ifNotExists }, call());
    const how = created.alreadyExisted ? "already exists, and stays as it is" : `${echo} successfully created`;
    return {
      text: [`database '${name}' ${how}\n`],
      json: { database: created.name, created: !created.alreadyExisted },
    };
  });
}

export function updateDatabase(connection: AdminConnection, database: string, options: Options): Promise<Answer> {
  const { message: settings, echo } = settingsOf(options);
  if (Object.keys(settings).length === 0) throw new UsageError("no setting was named", "name at least one");
  return calling(connection, async ({ rpc, call }) => {
    await rpc.updateDatabaseV2({ database, settings }, call());
    return { text: [`database '${database}' ${echo} successfully updated\n`], json: { database, updated: true } };
  });
}

export function loadDatabase(connection: AdminConnection, database: string): Promise<Answer> {
  return calling(connection, async ({ rpc, call }) => {
    await rpc.loadDatabase({ database }, call());
    return { text: [`database '${database}' successfully loaded\n`], json: { database, loaded: true } };
  });
}

export function unloadDatabase(connection: AdminConnection, database: string): Promise<Answer> {
  return calling(connection, async ({ rpc, call }) => {
    await rpc.unloadDatabase({ database }, call());
    return { text: [`database '${database}' successfully unloaded\n`], json: { database, loaded: false } };
  });
}

export function useDatabase(connection: AdminConnection, database: string): Promise<Answer> {
  return calling(connection, async ({ client }) => {
    await client.useDatabase(database);
    await connection.remember(client);
    return { text: [`now using database '${database}'\n`], json: { database: client.database } };
  });
}

export function deleteDatabase(connection: AdminConnection, database: string, options: Options): Promise<Answer> {
  requireYes(options);
  return calling(connection, async ({ rpc, call }) => {
    await rpc.deleteDatabase({ database }, call());
    return { text: [`database '${database}' successfully deleted\n`], json: { database, deleted: true } };
  });
}

/** Removes values that are older than the period; what was proven stays provable. */
export function truncateDatabase(connection: AdminConnection, database: string, options: Options): Promise<Answer> {
  requireYes(options);
  const periodMs = options["retentionPeriod"] as number | undefined;
  if (periodMs === undefined) throw new UsageError('required flag(s) "retention-period" not set');
  return calling(connection, async ({ rpc, patient }) => {
    await rpc.truncateDatabase({ database, retentionPeriod: BigInt(periodMs) }, patient());
    return { text: [`database '${database}' successfully truncated\n`], json: { database, truncated: true } };
  });
}

export function flushIndex(connection: AdminConnection, options: Options): Promise<Answer> {
  const cleanupPercentage = options["cleanupPercentage"] as number;
  const synced = options["synced"] as boolean;
  return calling(connection, async ({ rpc, call }) => {
    const { database } = await rpc.flushIndex({ cleanupPercentage, synced }, call());
    return { text: ["database index successfully flushed\n"], json: { database, flushed: true } };
  });
}

export function compactIndex(connection: AdminConnection): Promise<Answer> {
  return calling(connection, async ({ rpc, client, patient }) => {
    await rpc.compactIndex({}, patient());
    const { database } = client;
    return { text: ["database index successfully compacted\n"], json: { database, compacted: true } };
  });
}

function requireYes(options: Options): void {
  if (options["yesIKnowWhatIAmDoing"] === true) return;
  throw new UsageError('required flag(s) "yes-i-know-what-i-am-doing" not set', "what this removes does not come back");
}
