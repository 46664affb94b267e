// Databases: list, create, load, unload, delete, settings; their index and their old values.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { mayUse } from "../auth/permissions.ts";
import type { DatabaseInfo } from "../database/database-info.ts";
import { DatabaseError } from "../database/errors.ts";
import type { DatabaseManager } from "../database/manager.ts";
import { type CallContext, callerOf, databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import type { Room } from "./pipeline.ts";
import { plainSettingsFromWire, settingsFromWire, settingsToWire } from "./settings.ts";

export function databaseHandlers({ databases }: Room): Handlers<typeof ImmuService> {
  const visible = (ctx: CallContext): DatabaseInfo[] => {
    const { user } = callerOf(ctx);
    return databases.list().filter(({ name }) => mayUse(user, name, "read"));
  };
  const createdBy = (ctx: CallContext): string => callerOf(ctx).user.name;

  return {
    databaseList: (_message, ctx) => ({ databases: visible(ctx).map(({ name }) => ({ databaseName: name })) }),
    databaseListV2: (_message, ctx) => ({ databases: visible(ctx).map(infoToWire) }),

    createDatabase: async ({ databaseName }, ctx) => {
      await databases.create(databaseName, {}, { ifNotExists: false, createdBy: createdBy(ctx) });
      return {};
    },
    createDatabaseWith: async (message, ctx) => {
      const options = { ifNotExists: false, createdBy: createdBy(ctx) };
      await databases.create(message.databaseName, plainSettingsFromWire(message), options);
      return {};
    },
    createDatabaseV2: async ({ name, settings, ifNotExists }, ctx) => {
      const options = { ifNotExists, createdBy: createdBy(ctx) };
      const { info, alreadyExisted } = await databases.create(name, settingsFromWire(settings), options);
      return { name: info.name, settings: settingsToWire(info.settings), alreadyExisted };
    },

    loadDatabase: async ({ database }) => {
      await load(databases, database.toLowerCase());
      return { database };
    },
    unloadDatabase: async ({ database }) => {
      await databases.unload(database.toLowerCase());
      return { database };
    },
    deleteDatabase: async ({ database }) => {
      await databases.delete(database.toLowerCase());
      return { database };
    },

    updateDatabase: async (message) => {
      await databases.update(message.databaseName.toLowerCase(), plainSettingsFromWire(message));
      return {};
    },
    updateDatabaseV2: async ({ database, settings }) => {
      const info = await databases.update(database.toLowerCase(), settingsFromWire(settings));
      return { database: info.name, settings: settingsToWire(info.settings) };
    },
    truncateDatabase: async ({ database, retentionPeriod }) => {
      await databases.truncate(database.toLowerCase(), Number(retentionPeriod));
      return { database };
    },

    flushIndex: async ({ cleanupPercentage, synced }, ctx) => {
      const database = databaseOf(ctx);
      await database.flushIndex(cleanupPercentage, synced);
      return { database: database.name };
    },
    compactIndex: async (_message, ctx) => {
      await databaseOf(ctx).compactIndex();
      return {};
    },

    getDatabaseSettings: (_message, ctx) => {
      const { name, settings } = databaseOf(ctx);
      const { fileSize, maxKeyLen, maxValueLen, maxTxEntries, excludeCommitTime } = settings;
      return { databaseName: name, fileSize, maxKeyLen, maxValueLen, maxTxEntries, excludeCommitTime };
    },
    getDatabaseSettingsV2: (_message, ctx) => {
      const { name, settings } = databaseOf(ctx);
      return { database: name, settings: settingsToWire(settings) };
    },
  };
}

/** Says of a database that is not there that it was to be opened. */
async function load(databases: DatabaseManager, name: string): Promise<void> {
  try {
    await databases.load(name);
  } catch (error) {
    const missing = error instanceof DatabaseError && error.code === "database_not_found";
    throw missing ? new DatabaseError("database_not_found_opening", error.message, { name }) : error;
  }
}

function infoToWire(info: DatabaseInfo) {
  return {
    name: info.name,
    settings: settingsToWire(info.settings),
    loaded: info.loaded,
    diskSize: BigInt(info.diskSize),
    numTransactions: info.numTransactions,
    createdAt: BigInt(info.createdAt),
    createdBy: info.createdBy,
  };
}
