import type { DatabaseInfo } from "../../../../gen/immudb/schema/database_pb.ts";
import { bytesText } from "../../amounts.ts";
import type { Answer, Json } from "../../output.ts";
import { tableText } from "../../table.ts";
import { type AdminConnection, type Calls, calling } from "../calls.ts";

const COLUMNS = [
  "Database Name",
  "Created At",
  "Created By",
  "Status",
  "Is Replica",
  "Disk Size",
  "Transactions",
] as const;

/** Every database that the user may see. */
export function listDatabases(connection: AdminConnection): Promise<Answer> {
  return calling(connection, async (calls) => {
    const databases = await databasesOf(calls);
    return {
      text: [tableText("database(s)", COLUMNS, databases.map(rowOf))],
      json: { databases: databases.map(jsonOf) },
    };
  });
}

export async function databasesOf({ rpc, call }: Calls): Promise<readonly DatabaseInfo[]> {
  return (await rpc.databaseListV2({}, call())).databases;
}

function rowOf(database: DatabaseInfo): [string, ...string[]] {
  return [
    database.name,
    createdAt(database).slice(0, "2026-11-23".length),
    database.createdBy || "-",
    database.loaded ? "LOADED" : "UNLOADED",
    isReplica(database) ? "TRUE" : "FALSE",
    bytesText(Number(database.diskSize)),
    String(database.numTransactions),
  ];
}

function jsonOf(database: DatabaseInfo): Json {
  return {
    name: database.name,
    createdAt: createdAt(database),
    createdBy: database.createdBy,
    loaded: database.loaded,
    replica: isReplica(database),
    diskSizeBytes: String(database.diskSize),
    transactions: String(database.numTransactions),
  };
}

function createdAt(database: DatabaseInfo): string {
  const date = new Date(Number(database.createdAt) * 1000);
  return Number.isNaN(date.getTime()) ? "unknown" : date.toISOString();
}

function isReplica({ settings }: DatabaseInfo): boolean {
  return settings?.replicationSettings?.replica?.value ?? false;
}
