// The login that outlives a command: one file per server address, readable by its owner only.

import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileNameFor, stateDirectory } from "../client/node.ts";
import { type ClientProgram, UsageError } from "./exit-codes.ts";

export interface StoredLogin {
  /** `host:port` that issued the token: a token is never sent anywhere else. */
  readonly address: string;
  readonly user: string;
  readonly token: string;
  /** Database that the token names. */
  readonly database: string;
}

/** Where a program keeps the login of an address unless `--tokenfile` says otherwise. */
export function tokenFileFor(address: string, program: ClientProgram = "immuclient"): string {
  return join(stateDirectory(), FOLDERS[program], `${fileNameFor(address)}.json`);
}

/** An administrator's login is not what somebody's next immuclient works with. */
const FOLDERS: Readonly<Record<ClientProgram, string>> = { immuclient: "logins", immuadmin: "admin-logins" };

/** The stored login, or undefined when there is none for this address. */
export async function readLogin(file: string, address: string): Promise<StoredLogin | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const login = parse(text);
  if (login === undefined) throw new UsageError(`${file} is not a token file`, "remove it and log in again");
  return login.address === address ? login : undefined;
}

/** Replaces the stored login as a whole: a reader sees the old one or the new one. */
export async function writeLogin(file: string, login: StoredLogin): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(login)}\n`, { mode: 0o600, flag: "wx" });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function removeLogin(file: string): Promise<void> {
  await rm(file, { force: true });
}

function parse(text: string): StoredLogin | undefined {
  try {
    const { address, user, token, database } = Object(JSON.parse(text)) as Record<string, unknown>;
    const all = [address, user, token, database];
    if (!all.every((field) => typeof field === "string")) return undefined;
    return { address, user, token, database } as StoredLogin;
  } catch {
    return undefined;
  }
}
