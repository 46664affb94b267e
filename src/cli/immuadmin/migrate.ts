// immuadmin migrate: everything of a running server, the original too, into a data directory or a running server of ours.

import { toHex } from "../../base/bytes.ts";
import type { ImmuClient } from "../../client/client.ts";
import { type MigrationReport, type MigrationTarget, migrate } from "../../replication/migration.ts";
import { DirectoryTarget } from "../../server/migration-directory.ts";
import { EXIT, TargetError, UsageError } from "../exit-codes.ts";
import type { Answer, Json } from "../output.ts";
import { readPassword } from "../password.ts";
import { Progress } from "../progress.ts";
import type { AdminConnection } from "./calls.ts";
import { ServerTarget } from "./migrate-server.ts";
import { migrationSource } from "./migrate-source.ts";
import { permissionName } from "./permissions.ts";

export interface MigrateOptions {
  readonly toDir?: string;
  readonly to?: string;
  readonly toUsername: string;
  readonly toPasswordFile?: string;
}

const PASSWORD_VARIABLE = "IMMUADMIN_TO_PASSWORD";

export async function migrateTo(
  connection: AdminConnection,
  database: string | undefined,
  options: MigrateOptions,
): Promise<Answer> {
  const place = placeOf(options);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error("interrupted: repeat the command to go on"));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const progress = new Progress(process.stderr);
  try {
    return await connection.run(async (client: ImmuClient) => {
      await using target = await openTarget(options);
      const report = await migrate(migrationSource(connection, client), target, {
        only: database?.toLowerCase(),
        onProgress: (name, done, all) => progress.show(`${name}: ${done} of ${all} transactions`, done, all),
        signal: stop.signal,
      });
      if (database !== undefined && report.databases.length + report.skipped.length === 0)
        throw new UsageError(`${connection.address} has no database ${database}`);
      return answerOf(report, connection.address, place);
    });
  } finally {
    progress.end();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function placeOf({ to, toDir }: MigrateOptions): string {
  if (to !== undefined && toDir !== undefined) throw new UsageError("--to and --to-dir exclude each other");
  const place = to ?? toDir;
  if (place !== undefined && place !== "") return place;
  throw new UsageError("where to?", "name a data directory with --to-dir DIR, or a running server with --to HOST:PORT");
}

async function openTarget(options: MigrateOptions): Promise<MigrationTarget & AsyncDisposable> {
  if (options.toDir !== undefined) return DirectoryTarget.open(options.toDir);
  const address = options.to ?? "";
  const password = await targetPassword(options);
  try {
    return await ServerTarget.connect({ address, user: options.toUsername, password });
  } catch (error) {
    throw new TargetError(address, error);
  }
}

function targetPassword({ toPasswordFile }: MigrateOptions): Promise<Uint8Array> {
  const password = process.env[PASSWORD_VARIABLE];
  if (password === undefined && toPasswordFile === undefined) {
    throw new UsageError(
      "the password at the target is missing",
      `use --to-password-file FILE or the variable ${PASSWORD_VARIABLE}`,
    );
  }
  return readPassword(
    { password, passwordFile: toPasswordFile, passwordStdin: false },
    { stdin: () => Promise.resolve(new Uint8Array()), prompt: undefined },
  );
}

function answerOf(report: MigrationReport, from: string, to: string): Answer {
  const isWhole =
    report.skipped.length === 0 &&
    report.databases.every(({ isBehind }) => !isBehind) &&
    report.users.every(({ lacks }) => lacks.length === 0);
  return { text: textOf(report, from, to), json: jsonOf(report, from, to), exit: isWhole ? EXIT.ok : EXIT.error };
}

function textOf({ databases, skipped, users }: MigrationReport, from: string, to: string): string[] {
  const lines = [`From ${from} to ${to}; the hash of every transaction was compared:`];
  for (const { name, end, copied, isBehind } of databases) {
    lines.push(`  ${name}  ${end.txId} transactions, ${copied} of them now, ends with ${toHex(end.txHash)}`);
    if (isBehind) lines.push(`    the source is written to: repeat this when it is not, to bring over the rest`);
  }
  for (const name of skipped) lines.push(`  ${name}  NOT COPIED: it is not loaded there. Load it and repeat`);
  const fresh = users.filter(({ kind }) => kind === "new");
  if (fresh.length > 0) lines.push("These users have their permissions and need new passwords:");
  for (const { name, active, permissions } of fresh) {
    const rights = [...permissions].map(([database, permission]) => `${database} ${permissionName(permission)}`);
    lines.push(`  ${name}${active ? "" : " (inactive)"}  ${rights.join(", ")}`);
  }
  for (const { name, kind } of users) {
    if (kind === "there") lines.push(`  ${name} was there, and stays as he is`);
    if (kind === "left out") lines.push(`  ${name}  NOT BROUGHT OVER: he has a permission on no database that is here`);
  }
  for (const { name, lacks } of users)
    if (lacks.length > 0) lines.push(`  ${name} has not here what he has there: ${lacks.join(", ")}`);
  return [`${lines.join("\n")}\n`];
}

function jsonOf({ databases, skipped, users }: MigrationReport, from: string, to: string): Json {
  return {
    from,
    to,
    databases: databases.map(({ name, end, copied, isBehind }) => ({
      name,
      txId: String(end.txId),
      alh: toHex(end.txHash),
      copied: String(copied),
      behind: isBehind,
    })),
    skipped,
    users: users.map(({ name, active, permissions, kind, lacks }) => ({
      name,
      active,
      permissions: Object.fromEntries([...permissions].map(([db, number]) => [db, permissionName(number)])),
      needsPassword: kind === "new",
      broughtOver: kind !== "left out",
      lacks,
    })),
  };
}
