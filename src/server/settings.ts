// The value of every setting, and where it came from.
//
//   command line  >  IMMUDB_NAME, or for a secret the file IMMUDB_NAME_FILE  >  configuration file  >  default
//
// In each of these places the name of a setting counts more than its old names. An empty variable is none, as container
// definitions leave them, but an empty secret is empty, so that a variable somebody forgot to fill does not mean the default.

import { fromBase64, utf8ToString } from "../base/bytes.ts";
import { PASSWORD_LENGTH_MAX, SECRET_FILE_BYTES_MAX } from "../base/limits.ts";
import { closest } from "./closest.ts";
import type { ConfigFile, Environment } from "./config-file.ts";
import { parseDurationMs } from "./duration.ts";
import { StartError } from "./errors.ts";
import { environmentName, type Flag, secretFileName } from "./flag.ts";
import { readSmallFile } from "./small-file.ts";

export type Source = "command line" | "environment" | "secret file" | "configuration file" | "default";

export interface Setting {
  readonly flag: Flag;
  /** As on a command line. */
  readonly value: string;
  readonly source: Source;
  /** What a person would look for: --port, IMMUDB_PORT, port in immudb.toml. */
  readonly origin: string;
  /** Origins of values that this one wins over. */
  readonly over: readonly string[];
}

type Found = Pick<Setting, "value" | "source" | "origin">;

export interface SettingsInput {
  readonly flags: readonly Flag[];
  /** Flags by name as found on the command line, `true` for one without a value. */
  readonly given: ReadonlyMap<string, string | true>;
  readonly environment: Environment;
  readonly file: ConfigFile | undefined;
}

/** Readers throw StartError, which names the place of the wrong value. */
export class Settings {
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #warnings: string[] = [];

  constructor(input: SettingsInput) {
    const found = new Finder(input, this.#warnings);
    this.#settings = new Map(input.flags.map((flag) => [flag.name, found.setting(flag)]));
    this.#warnings.push(...(input.file?.warnings ?? []), ...warningsOfVariables(input));
    this.#judgeEffects();
  }

  /** Every setting but old names, in the order of the documentation. */
  all(): Setting[] {
    return [...this.#settings.values()].filter(({ flag }) => flag.effect.kind !== "renamed");
  }

  /** What the operator should know, one sentence each. */
  warnings(): readonly string[] {
    return this.#warnings;
  }

  warn(sentence: string): void {
    this.#warnings.push(sentence);
  }

  isGiven(name: string): boolean {
    return this.#find(name).source !== "default";
  }

  text(name: string): string {
    return this.#find(name).value;
  }

  /** Undefined: none. */
  optional(name: string): string | undefined {
    return this.text(name) || undefined;
  }

  integer(name: string, min: number, max: number): number {
    const value = parseInteger(this.text(name));
    if (value === undefined || value < min || value > max) throw this.wrong(name, `a number from ${min} to ${max}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = parseBoolean(this.text(name));
    if (value === undefined) throw this.wrong(name, "true or false");
    return value;
  }

  /** Milliseconds. */
  duration(name: string): number {
    const value = parseDurationMs(this.text(name));
    if (value === undefined) throw this.wrong(name, "a duration such as 90s, 3m0s or 24h");
    return value;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = allowed.find((one) => one === this.text(name));
    if (value === undefined) throw this.wrong(name, allowed.join(" or "));
    return value;
  }

  /** The words between commas; none for an empty text. */
  list(name: string): string[] {
    return this.text(name)
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
  }

  /** A secret, plain or as base64 after `enc:`. */
  secret(name: string): string {
    const value = this.text(name);
    if (!value.startsWith("enc:")) return value;
    try {
      return utf8ToString(fromBase64(value.slice(4)));
    } catch {
      throw new StartError(
        `${this.#find(name).origin} is not base64 after enc:`,
        `give it plain, or as enc: and base64`,
      );
    }
  }

  /** A secret that may be the password of a user. */
  password(name: string): string {
    const password = this.secret(name);
    if (password === "" || Buffer.byteLength(password) > PASSWORD_LENGTH_MAX) {
      const { origin } = this.#find(name);
      throw new StartError(`${origin} must have 1 to ${PASSWORD_LENGTH_MAX} bytes`, `set it with --${name}`);
    }
    return password;
  }

  /** An error for a value that is not what the setting takes. `wanted` completes "which is not …". */
  wrong(name: string, wanted: string): StartError {
    const { origin, value, flag } = this.#find(name);
    const shown = flag.type === "secret" ? "" : ` '${value}', which is`;
    return new StartError(`${origin} is${shown} not ${wanted}`, "see immudb --help");
  }

  #find(name: string): Setting {
    const setting = this.#settings.get(name);
    if (setting === undefined) throw new Error(`there is no flag ${name}`);
    return setting;
  }

  /** What is given and has no effect is told, and what matters and will never be done ends the start. */
  #judgeEffects(): void {
    const [soon, never]: [string[], string[]] = [[], []];
    for (const { flag, value, origin, source } of this.#settings.values()) {
      if (source === "default" || flag.effect.kind === "works") continue;
      this.#checkType(flag);
      if (flag.effect.kind === "renamed") this.warn(`${origin} is an old name: use --${flag.effect.to}`);
      else if (flag.effect.kind === "refused") this.#requireDefault(flag, value, origin, flag.effect.reason);
      else if (!same(flag, value, flag.effect.harmless)) (flag.effect.kind === "later" ? soon : never).push(origin);
    }
    if (soon.length > 0) this.warn(`without effect in this version: ${soon.join(", ")}`);
    if (never.length > 0) this.warn(`without effect on this server: ${never.join(", ")}`);
  }

  /** A typing mistake is one whether or not the value matters today. */
  #checkType({ name, type }: Flag): void {
    if (type === "boolean") this.boolean(name);
    if (type === "integer") this.integer(name, 0, Number.MAX_SAFE_INTEGER);
    if (type === "duration") this.duration(name);
  }

  #requireDefault(flag: Flag, value: string, origin: string, reason: string): void {
    if (same(flag, value, flag.default)) return;
    throw new StartError(`${origin} is '${value}', and that is not done here: ${reason}`, "leave it out");
  }
}

/** Looks through the places in their order. */
class Finder {
  readonly #input: SettingsInput;
  readonly #oldNames: Map<string, string[]> = new Map();
  readonly #warnings: string[];

  constructor(input: SettingsInput, warnings: string[]) {
    this.#input = input;
    this.#warnings = warnings;
    for (const { name, effect } of input.flags) {
      if (effect.kind === "renamed") this.#oldNames.set(effect.to, [...(this.#oldNames.get(effect.to) ?? []), name]);
    }
  }

  setting(flag: Flag): Setting {
    const names = [flag.name, ...(this.#oldNames.get(flag.name) ?? [])];
    const found = [
      ...names.map((name) => this.#onCommandLine(name)),
      ...names.map((name) => this.#inEnvironment(name, flag)),
      ...names.map((name) => this.#inFile(name)),
    ].filter((one) => one !== undefined);
    const [winner = { value: flag.default, source: "default", origin: `the default of --${flag.name}` }, ...others] =
      found;
    return { flag, ...winner, over: others.map(({ origin }) => origin) };
  }

  #onCommandLine(name: string): Found | undefined {
    const value = this.#input.given.get(name);
    if (value === undefined) return undefined;
    return { value: value === true ? "true" : value, source: "command line", origin: `--${name}` };
  }

  #inEnvironment(name: string, flag: Flag): Found | undefined {
    const variable = environmentName(name);
    const value = this.#input.environment[variable];
    if (flag.type === "secret") return this.#secretInEnvironment(name, value);
    if (value === undefined || value === "") return undefined;
    if (flag.type === "integer" && /^(tcp|udp|sctp):\/\//.test(value)) {
      this.#warnings.push(
        `${variable} is what Kubernetes tells of a service called immudb: it is not taken for a setting`,
      );
      return undefined;
    }
    return { value, source: "environment", origin: variable };
  }

  #secretInEnvironment(name: string, value: string | undefined): Found | undefined {
    const [variable, fileVariable] = [environmentName(name), secretFileName(name)];
    const path = this.#input.environment[fileVariable];
    if (path === undefined || path === "") {
      return value === undefined ? undefined : { value, source: "environment", origin: variable };
    }
    if (value !== undefined && value !== "") {
      throw new StartError(`${variable} and ${fileVariable} are both set`, "unset one of the two");
    }
    if (this.#onCommandLine(name) !== undefined) return undefined;
    return { value: secretIn(path, fileVariable), source: "secret file", origin: fileVariable };
  }

  #inFile(name: string): Found | undefined {
    const { file } = this.#input;
    const value = file?.values.get(name);
    return value === undefined
      ? undefined
      : { value, source: "configuration file", origin: `${name} in ${file?.path ?? ""}` };
  }
}

/** A file with a secret may end with a line break, as editors and `echo` make them. */
function secretIn(path: string, variable: string): string {
  try {
    return readSmallFile(path, SECRET_FILE_BYTES_MAX).text.replace(/\r?\n$/, "");
  } catch (error) {
    throw new StartError(
      `${variable} cannot be read: ${(error as Error).message}`,
      "name a file that this user may read",
    );
  }
}

/** Variables that look like settings and are none: told when it is clear what was meant, since others use the prefix too. */
function warningsOfVariables({ flags, environment }: SettingsInput): string[] {
  const secretFiles = flags.filter(({ type }) => type === "secret").map(({ name }) => secretFileName(name));
  const variables = new Set([...flags.map(({ name }) => environmentName(name)), ...secretFiles]);
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("IMMUDB_") || variables.has(name)) return [];
    if (name.endsWith("_FILE") && variables.has(name.slice(0, -5))) {
      return [`${name} is not read: only secrets are taken from files (${secretFiles.join(", ")})`];
    }
    const meant = closest(
      name.slice(7),
      [...variables].map((variable) => variable.slice(7)),
    );
    return meant === undefined ? [] : [`${name} is no setting: did you mean IMMUDB_${meant}?`];
  });
}

function same({ type }: Flag, a: string, b: string): boolean {
  return type === "boolean" ? parseBoolean(a) === parseBoolean(b) : a === b;
}

function parseInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  return undefined;
}
