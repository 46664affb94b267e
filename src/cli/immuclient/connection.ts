// One command's way to the server: made lazily, with the stored login if there is one, with a fresh login when the server
// asks for one and a user is named, and closed when the command is done.

import { readFile } from "node:fs/promises";
import { ImmuClient } from "../../client/client.ts";
import {
  createNodeTransport,
  FileStateStore,
  type NodeTransport,
  type NodeTransportOptions,
} from "../../client/node.ts";
import { refusalOf } from "../../client/refusals.ts";
import { passwordPrompt } from "../ask-password.ts";
import { type ClientProgram, UsageError } from "../exit-codes.ts";
import type { ClientFormat, Format } from "../output.ts";
import { readPassword } from "../password.ts";
import { readStdin } from "../stdin.ts";
import type { Terminal } from "../terminal.ts";
import { readLogin, removeLogin, tokenFileFor, writeLogin } from "../token-file.ts";
import { clientTls, type TlsOptions } from "./tls-options.ts";

/** Options of every program that talks to a server, as commander names them. */
export interface ConnectionOptions<F extends ClientFormat = Format> extends TlsOptions {
  readonly immudbAddress: string;
  readonly immudbPort: number;
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly passwordStdin: boolean;
  readonly database?: string;
  readonly tokenfile?: string;
  readonly serverSigningPubKey?: string;
  readonly output: F;
  readonly timeout: number;
}

/** Those of immuclient. */
export interface Options extends ConnectionOptions<ClientFormat> {
  readonly valueOnly: boolean;
  readonly revisionSeparator: string;
}

/** The server's name for all that is remembered about it. */
export function serverAddress({ immudbAddress, immudbPort }: ConnectionOptions<ClientFormat>): string {
  const host = immudbAddress.includes(":") && !immudbAddress.startsWith("[") ? `[${immudbAddress}]` : immudbAddress;
  return `${host.toLowerCase()}:${immudbPort}`;
}

export class Connection<O extends ConnectionOptions<ClientFormat> = Options> {
  readonly options: O;
  readonly address: string;
  readonly terminal: Terminal;
  readonly #program: ClientProgram;
  readonly #tokenFile: string;
  #transport: NodeTransport | undefined;
  #password: Promise<Uint8Array> | undefined;

  constructor(options: O, program: ClientProgram = "immuclient", terminal: Terminal = process) {
    this.options = options;
    this.terminal = terminal;
    this.address = serverAddress(options);
    this.#program = program;
    this.#tokenFile = options.tokenfile || tokenFileFor(this.address, program);
  }

  /** For calls that a client does not have. */
  get transport(): NodeTransport {
    this.#transport ??= createNodeTransport(this.address, transportOptions(this.options));
    return this.#transport;
  }

  /** A client with the stored login, if there is one and not another user is named; makes no call. */
  async client(): Promise<ImmuClient> {
    const { username } = this.options;
    const stored = await readLogin(this.#tokenFile, this.address);
    const login = username === undefined || username === stored?.user ? stored : undefined;
    return new ImmuClient(this.transport, {
      address: this.address,
      store: new FileStateStore(),
      serverKey: await this.serverKey(),
      timeoutMs: this.options.timeout * 1000,
      ...(login && { credentials: { kind: "token", token: login.token }, database: login.database }),
    });
  }

  /** The server's public key, PEM, when one was given. */
  async serverKey(): Promise<string | undefined> {
    return readServerKey(this.options.serverSigningPubKey);
  }

  /**
   * Runs `work` in the database that the options name. When the server says that a login is needed or has run out, and a
   * user is named, logs in and runs it once more: such a refusal means that nothing was done.
   */
  async run<T>(work: (client: ImmuClient) => Promise<T>): Promise<T> {
    const client = await this.client();
    try {
      return await this.#inDatabase(client, work);
    } catch (error) {
      const refusal = refusalOf(error);
      const curable = refusal === "not_logged_in" || refusal === "no_database";
      if (!curable || this.options.username === undefined) throw error;
      // A login that has run out is renewed where it was; `--database` is for this command only.
      const isRenewal = client.credentials.kind === "token";
      await this.login(client, this.options.username, (!isRenewal && this.options.database) || client.database);
      return this.#inDatabase(client, work);
    }
  }

  /**
   * Logs in, chooses a database if one is named, and remembers both. Returns the server's warning, "" for none. `password`: the
   * one that the options name, unless given.
   */
  async login(client: ImmuClient, user: string, database: string | undefined, password?: Uint8Array): Promise<string> {
    const { warning } = await client.login(user, password ?? (await this.password(user)));
    if (database) await client.useDatabase(database);
    await this.remember(client, user);
    return warning;
  }

  /** The password that the options name, or that is typed: read once, however often it is needed. */
  password(user: string): Promise<Uint8Array> {
    const { password, passwordFile, passwordStdin } = this.options;
    const { stdin } = this.terminal;
    this.#password ??= readPassword(
      { password, passwordFile, passwordStdin },
      {
        stdin: () => readStdin(stdin),
        prompt: passwordPrompt(`Password of ${user}:`, stdin),
        variable: `${this.#program.toUpperCase()}_PASSWORD`,
      },
    );
    return this.#password;
  }

  /** Who is logged in; undefined when nobody is. */
  async user(): Promise<string | undefined> {
    return (await readLogin(this.#tokenFile, this.address))?.user;
  }

  /** Stores the client's token and database for later commands. */
  async remember(client: ImmuClient, user?: string): Promise<void> {
    if (client.credentials.kind !== "token") return;
    const known = await readLogin(this.#tokenFile, this.address);
    await writeLogin(this.#tokenFile, {
      address: this.address,
      user: user ?? known?.user ?? "",
      token: client.credentials.token,
      database: client.database,
    });
  }

  forget(): Promise<void> {
    return removeLogin(this.#tokenFile);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport?.close();
  }

  async #inDatabase<T>(client: ImmuClient, work: (client: ImmuClient) => Promise<T>): Promise<T> {
    const { database } = this.options;
    if (database && database.toLowerCase() !== client.database) await client.useDatabase(database);
    return work(client);
  }
}

function transportOptions(options: TlsOptions): NodeTransportOptions {
  const tls = clientTls(options);
  return tls === undefined ? {} : { tls };
}

async function readServerKey(file: string | undefined): Promise<string | undefined> {
  if (!file) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`the server's public key cannot be read: ${(error as Error).message}`);
  }
}
