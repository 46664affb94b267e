// The server that is migrated from, this one's kind or the original: what it has, and its transactions.

import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import type { DatabaseNullableSettings } from "../../../gen/immudb/schema/settings_pb.ts";
import type { SQLPrivilege } from "../../../gen/immudb/schema/user_pb.ts";
import { utf8ToString } from "../../base/bytes.ts";
import type { ImmuClient } from "../../client/client.ts";
import { credentialHeaders } from "../../client/credentials.ts";
import type { MigratedUser, MigrationSource, OpenSource, SourceDatabase } from "../../replication/migration.ts";
import type { AdminConnection } from "./calls.ts";

const SYSADMIN = 255;

/** `client`: logged in as somebody who may read everything. */
export function migrationSource(connection: AdminConnection, client: ImmuClient): MigrationSource {
  const rpc = createClient(ImmuService, connection.transport);
  const call = () => ({ headers: credentialHeaders(client.credentials), timeoutMs: connection.options.timeout * 1000 });
  return {
    databases: async () => {
      const { databases } = await rpc.databaseListV2({}, call());
      return databases.map(({ name, loaded, settings }): SourceDatabase => {
        return { name, loaded, settings: settingsOf(settings) };
      });
    },
    users: async () => {
      const { users } = await rpc.listUsers({}, call());
      return users.flatMap(({ user, active, permissions, sqlPrivileges }): MigratedUser[] => {
        if (permissions.some(({ permission }) => permission === SYSADMIN)) return [];
        const granted = permissions.map(({ database, permission }) => [database, permission] as const);
        const name = utf8ToString(user);
        return [{ name, active, permissions: new Map(granted), sqlPrivileges: privilegesOf(sqlPrivileges) }];
      });
    },
    open: async (database): Promise<OpenSource> => {
      await client.useDatabase(database);
      return {
        end: async () => {
          const { txId, txHash } = await client.currentState();
          return { txId, txHash };
        },
        export: (request, options) => client.exportTx(request, options),
        exports: (signal) => client.exports(signal),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

function privilegesOf(wire: readonly SQLPrivilege[]): MigratedUser["sqlPrivileges"] {
  const found = new Map<string, string[]>();
  for (const { database, privilege } of wire) found.set(database, [...(found.get(database) ?? []), privilege]);
  return found;
}

/** The settings that mean the same here. A setting that the source does not name keeps its default. */
function settingsOf(wire: DatabaseNullableSettings | undefined): SourceDatabase["settings"] {
  const { truncationSettings } = wire ?? {};
  return {
    maxKeyLen: wire?.maxKeyLen?.value,
    maxValueLen: wire?.maxValueLen?.value,
    maxTxEntries: wire?.maxTxEntries?.value,
    excludeCommitTime: wire?.excludeCommitTime?.value,
    writeTxHeaderVersion: wire?.writeTxHeaderVersion?.value,
    autoload: wire?.autoload?.value,
    truncationSettings: {
      retentionPeriod: numberOf(truncationSettings?.retentionPeriod?.value),
      truncationFrequency: numberOf(truncationSettings?.truncationFrequency?.value),
    },
  };
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
