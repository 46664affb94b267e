// Whether a server would start with a configuration, found out without starting it: nothing is written but what is
// removed again, and no database is opened.

import { access, constants, mkdir, rmdir, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { CREDENTIALS_DIRECTORY } from "../auth/credential-store.ts";
import { DEFAULT_SUPERADMIN_PASSWORD } from "../auth/users.ts";
import { RoomError } from "../base/errors.ts";
import { systemRandom } from "../base/random.ts";
import { diskDirectory } from "../database/data-directory.ts";
import { isLoopback } from "./administrator.ts";
import { readAuthorities, readPair, validityWarnings } from "./certificate.ts";
import { type ReadConfig, readConfig, type ServerConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { cannotListen } from "./port.ts";
import { type ShownSetting, shownSettings } from "./shown-settings.ts";
import { loadStateSigner } from "./state-signer.ts";

/** `warning`: the server starts, and the operator should know. */
export type CheckResult = "ok" | "warning" | "failed";

export interface Check {
  /** What was looked at. */
  readonly subject: string;
  readonly result: CheckResult;
  readonly message: string;
  /** What to do about it. */
  readonly next?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigReport {
  readonly checks: readonly Check[];
  /** Every setting; none without a readable configuration. */
  readonly settings: readonly ShownSetting[];
}

/** Everything that can be said about a configuration. Without a readable one the first failure is all. */
export async function checkConfig(
  given: ReadonlyMap<string, string | true>,
  environment: Environment,
): Promise<ConfigReport> {
  let found: ReadConfig;
  try {
    found = readConfig(given, environment);
  } catch (error) {
    return { checks: [failed("flags", error)], settings: [] };
  }
  return { checks: await checksOf(found), settings: shownSettings(found.settings) };
}

async function checksOf({ config, warnings }: ReadConfig): Promise<Check[]> {
  return [
    ok("flags", "every value is in its range"),
    ok("configuration", config.configFile === undefined ? "no file" : `${config.configFile} is read`),
    ...warnings.map((message): Check => ({ subject: "flags", result: "warning", message })),
    await checkDirectory(config),
    ...(await checkSpace(config)),
    ...(await checkLogFile(config)),
    await checkSigningKey(config),
    ...(await checkTls(config)),
    await checkPort(config),
    ...(await checkPassword(config)),
  ];
}

async function checkDirectory({ directory }: ServerConfig): Promise<Check> {
  const path = resolve(directory);
  try {
    if (!(await exists(path))) {
      await tryToMake(path);
      return ok("data directory", `${path} will be made`);
    }
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const home = diskDirectory(path, systemRandom);
    await home.occupy();
    await home.leave();
    return ok("data directory", `${path} can be written to, and nobody else uses it`);
  } catch (error) {
    const hint = isLocked(error)
      ? "stop the server that uses it"
      : "choose a directory that you may write to with --dir";
    return failed("data directory", error, hint);
  }
}

async function checkSpace({ directory, diskLowWatermarkBytes }: ServerConfig): Promise<Check[]> {
  const { bavail, bsize } = await statfs(await existingParent(resolve(directory)));
  const freeBytes = bavail * bsize;
  const message = `${freeBytes} bytes are free, and below ${diskLowWatermarkBytes} writes are refused`;
  if (freeBytes >= diskLowWatermarkBytes) return [ok("disk", message)];
  return [{ subject: "disk", result: "warning", message, next: "make room, or lower --disk-low-watermark" }];
}

async function checkLogFile({ logFile }: ServerConfig): Promise<Check[]> {
  if (logFile === undefined) return [];
  try {
    const [subject, path] = ["log file", logFile.path];
    const exist = await exists(path);
    await access(exist ? path : await existingParent(path), constants.W_OK);
    return [ok(subject, `${path} ${exist ? "is added to" : "will be made"}`)];
  } catch (error) {
    return [failed("log file", error, "name another one with --logfile and --logdir")];
  }
}

async function checkSigningKey({ signingKey }: ServerConfig): Promise<Check> {
  if (signingKey === undefined) return ok("signing key", "none: states are not signed");
  try {
    await loadStateSigner(signingKey);
    return ok("signing key", `${signingKey} is a P-256 private key`);
  } catch (error) {
    return failed("signing key", error);
  }
}

async function checkTls({ tls }: ServerConfig): Promise<Check[]> {
  if (tls === undefined) return [ok("TLS", "none: connections are not encrypted")];
  const { certificate, privateKey, auto, clientAuthorities } = tls;
  try {
    if (auto && !(await exists(certificate)))
      return [ok("TLS", `a self-signed certificate will be made: ${certificate}`)];
    const { validity } = await readPair(certificate, privateKey);
    const authorities = clientAuthorities === undefined ? [] : (await readAuthorities(clientAuthorities)).validity;
    return [
      ok("TLS", `${certificate} and ${privateKey} are a pair`),
      ...validityWarnings([...validity, ...authorities], Date.now()).map(
        (message): Check => ({ subject: "TLS", result: "warning", message }),
      ),
    ];
  } catch (error) {
    return [failed("TLS", error)];
  }
}

async function checkPort({ address, port }: ServerConfig): Promise<Check> {
  const listener = createServer();
  try {
    await new Promise<void>((done, fail) => {
      listener.once("error", (error) => fail(cannotListen({ address, port }, error)));
      listener.listen(port, address, done);
    });
    return ok("port", `${address}:${port} is free`);
  } catch (error) {
    return failed("port", error);
  } finally {
    listener.close();
  }
}

/** The default password counts when the administrator is created, and then for whoever reaches the machine. */
async function checkPassword(config: ServerConfig): Promise<Check[]> {
  const { address, authentication, adminPassword, directory } = config;
  const isNew = !(await exists(join(directory, CREDENTIALS_DIRECTORY)));
  const isDefault = adminPassword === DEFAULT_SUPERADMIN_PASSWORD;
  if (!isNew || !authentication || !isDefault || isLoopback(address)) return [];
  const message = "the administrator will have the default password, and other machines can reach the server";
  const result = config.refuseDefaultPassword ? "failed" : "warning";
  return [{ subject: "password", result, message, next: "set --admin-password before the first start" }];
}

function ok(subject: string, message: string): Check {
  return { subject, result: "ok", message };
}

function failed(subject: string, error: unknown, hint?: string): Check {
  const message = error instanceof Error ? error.message : String(error);
  const next = error instanceof StartError ? error.hint : hint;
  return { subject, result: "failed", message, ...(next !== undefined && { next }) };
}

function isLocked(error: unknown): boolean {
  return error instanceof RoomError && error.code === "locked";
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function existingParent(path: string): Promise<string> {
  return (await exists(path)) ? path : existingParent(dirname(path));
}

/** Makes the first directory that is missing on the way, and removes it again: permissions alone do not say whether it can be. */
async function tryToMake(path: string): Promise<void> {
  const parent = dirname(path);
  if (!(await exists(parent))) return tryToMake(parent);
  await mkdir(path, { mode: 0o700 });
  await rmdir(path);
}
