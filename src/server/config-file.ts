// The configuration file: TOML whose keys are names of flags.
//
//   --config FILE, IMMUDB_CONFIG     must exist
//   ~/immudb.toml                    read when it is there
//   /etc/immudb/immudb.toml          likewise, for a program that is installed as a service in /usr/sbin
//
// A file says what the server listens on and what its administrator's password is. So one that was only found, and that
// others could have written, is refused; one that was asked for by name is read, with a warning. Errors name keys and places,
// never values.

import { existsSync, type Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse, TomlError, type TomlValue } from "smol-toml";
import { CONFIG_FILE_BYTES_MAX } from "../base/limits.ts";
import { closest } from "./closest.ts";
import { StartError } from "./errors.ts";
import type { Flag } from "./flag.ts";
import { readSmallFile } from "./small-file.ts";

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** By name of the flag, as on a command line. */
  readonly values: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** Keys of files that come with the original, which does not read them either. */
const UNREAD_KEYS: readonly string[] = ["network", "dbname", "consistency-check"];
const SERVICE_DIRECTORY = "/usr/sbin";
const OTHERS_MAY_WRITE = 0o002;
const OTHERS_MAY_READ = 0o004;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a file is looked for that nobody named. `program`: path of the program that runs. */
export function searchPlaces(environment: Environment, program: string): string[] {
  const home = environment["HOME"] || environment["USERPROFILE"];
  const places = home ? [join(home, "immudb.toml")] : [];
  return dirname(program) === SERVICE_DIRECTORY ? [...places, "/etc/immudb/immudb.toml"] : places;
}

/** `named`: the file to read; "" for the first one of `places` that exists, if any. Throws StartError. */
export function readConfigFile(
  named: string,
  places: readonly string[],
  flags: readonly Flag[],
): ConfigFile | undefined {
  const found = named || places.find((place) => existsSync(place));
  if (found === undefined) return undefined;
  const path = resolve(found);
  const { text, stats } = load(path);
  const values = valuesOf(parsed(text, path), path, flags);
  const unread = [...values.keys()].filter((key) => UNREAD_KEYS.includes(key));
  for (const key of unread) values.delete(key);
  const warnings = [
    ...warningsOfAccess(path, stats, named !== ""),
    ...warningsOfSecrets(path, stats, values, flags),
    ...(unread.length > 0 ? [`without effect, in ${path}: ${unread.join(", ")}`] : []),
  ];
  return { path, values, warnings };
}

function load(path: string): { readonly text: string; readonly stats: Stats } {
  try {
    return readSmallFile(path, CONFIG_FILE_BYTES_MAX);
  } catch (error) {
    throw new StartError(
      `the configuration file cannot be read: ${(error as Error).message}`,
      "give --config the path of a TOML file that this user may read, or leave it out",
    );
  }
}

function parsed(text: string, path: string): Record<string, TomlValue> {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its message goes on with the lines around the place, and these may hold a password.
    const [what = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new StartError(
      `${path}, line ${error.line}, column ${error.column}: ${what}`,
      "write it as TOML: name = value",
    );
  }
}

function valuesOf(table: Record<string, TomlValue>, path: string, flags: readonly Flag[]): Map<string, string> {
  const names = new Map([...flags.map(({ name }) => name), ...UNREAD_KEYS].map((name) => [name.toLowerCase(), name]));
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries(table)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined) throw unknownKey(key, path, flags);
    if (name === "config") throw new StartError(`${path} names a configuration file itself`, "remove the key config");
    if (values.has(name)) throw new StartError(`${path} says twice what ${name} is`, "remove one of the two");
    values.set(name, asWritten(value, byName.get(name), `${name} in ${path}`));
  }
  return values;
}

function unknownKey(key: string, path: string, flags: readonly Flag[]): StartError {
  const meant = closest(
    key,
    flags.map(({ name }) => name),
  );
  const hint = meant === undefined ? "see immudb --help for the names" : `did you mean ${meant}?`;
  return new StartError(`${path} has a setting that there is not: ${key}`, hint);
}

/** A value as it would be written on a command line. */
function asWritten(value: TomlValue, flag: Flag | undefined, where: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value) && flag?.type === "list" && value.every((one) => typeof one === "string")) {
    return value.join(",");
  }
  const wanted = flag?.type === "list" ? "text or a list of texts" : "text, a whole number, true or false";
  throw new StartError(`${where} is not ${wanted}`, "write it as name = value");
}

/** Throws when a file that nobody named could have been written by anybody. */
function warningsOfAccess(path: string, { mode, uid }: Stats, named: boolean): string[] {
  if (process.getuid === undefined) return [];
  const open = (mode & OTHERS_MAY_WRITE) !== 0;
  const foreign = uid !== 0 && uid !== process.getuid();
  if (!named && (open || foreign)) {
    throw new StartError(
      open ? `${path} was found, but everybody may write to it` : `${path} was found, but it belongs to another user`,
      `${open ? `take that away (chmod o-w ${path})` : "remove it"}, or name it with --config ${path}`,
    );
  }
  return open ? [`everybody may write to the configuration file ${path}`] : [];
}

function warningsOfSecrets(
  path: string,
  { mode }: Stats,
  values: ReadonlyMap<string, string>,
  flags: readonly Flag[],
): string[] {
  if (process.getuid === undefined || (mode & OTHERS_MAY_READ) === 0) return [];
  const shown = flags.filter(({ name, type }) => type === "secret" && values.get(name));
  return shown.map(({ name }) => `everybody may read ${name} in ${path}`);
}
