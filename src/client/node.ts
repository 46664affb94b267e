// The client on Node: gRPC over HTTP/2, with TLS or without, and trusted state in files that several processes may share.
//
//   <state home>/immudb-ts/                      mode 0700, files 0600
//     127.0.0.1_3322-<hash of the address>/
//       identity.json                            {address, uuid}   written once: the first process to link it pins the uuid
//       defaultdb.state.json                     the trusted state; replaced by renaming a synced temporary file over it
//       defaultdb.<nonce>.tmp                    such a temporary file; a leftover means a crash and is removed
//       defaultdb.lock.<host>.<pid>.<start>.<nonce>   somebody is, or wants to be, inside a verified operation
//
// The lock needs no file locking by the system. Whoever wants in announces itself by creating a file whose name nobody else
// will ever use, then looks: alone, it is in; otherwise it withdraws and tries again. Of two that announce at the same time,
// the one that looks last sees the other, so never are both in. A file of a process that is gone is removed by whoever sees
// it; since names are not reused, that can never remove the lock of somebody alive (the classic fault of one fixed name).

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { SecureClientSessionOptions } from "node:http2";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { fromBase64, fromHex, toBase64, toHex } from "../base/bytes.ts";
import {
  CLIENT_ANSWER_BYTES_MAX,
  CONNECTION_MEMORY_MB_MAX,
  STATE_LOCK_FOREIGN_STALE_MS,
  STATE_LOCK_WAIT_MS,
} from "../base/limits.ts";
import type { State } from "../proof/model.ts";
import { eagerStreams } from "./eager-streams.ts";
import { ClientError } from "./errors.ts";
import { checkAdvance, type StateSlot, type StateStore } from "./trusted-state.ts";
import { Turns } from "./turns.ts";

export interface NodeTransportOptions {
  /** Biggest answer accepted, in bytes. */
  readonly readMaxBytes?: number;
  /** Absent: TLS only when the address begins with `https:`, and then with the authorities that Node trusts. */
  readonly tls?: ClientTls;
}

/** What a client brings to a TLS connection. All of them PEM. */
export interface ClientTls {
  /** Certificates of the authorities that may vouch for the server. Absent: those that Node trusts. */
  readonly authorities?: string;
  /** Who the client is, for servers that ask. */
  readonly certificate?: string;
  readonly privateKey?: string;
  /** Name that the server's certificate must have. Absent: the host of the address. */
  readonly serverName?: string;
}

/** A transport that owns its connection: close it, or the process stays alive for as long as the connection does. */
export interface NodeTransport extends Transport {
  close(): void;
}

/** Bytes in flight per call: with HTTP/2's own 64 KiB a large value waits for many round trips. */
const WINDOW_BYTES: number = 1024 * 1024;

/** gRPC over HTTP/2 with prior knowledge. `address` is `host:port`, or a URL (`https:` for TLS). */
export function createNodeTransport(address: string, options: NodeTransportOptions = {}): NodeTransport {
  const scheme = options.tls === undefined ? "http" : "https";
  const baseUrl = address.includes("://") ? address : `${scheme}://${address}`;
  const sessionManager = new Http2SessionManager(
    baseUrl,
    {},
    {
      settings: { initialWindowSize: WINDOW_BYTES },
      // With the default, 10 MB, a client that is sending more than that cannot take the header that refuses it.
      maxSessionMemory: CONNECTION_MEMORY_MB_MAX,
      ...secureOptions(options.tls),
    },
  );
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: baseUrl.startsWith("https:") ? eagerStreams(sessionManager) : sessionManager,
    acceptCompression: [],
    readMaxBytes: options.readMaxBytes ?? CLIENT_ANSWER_BYTES_MAX,
  });
  return { unary: transport.unary, stream: transport.stream, close: () => sessionManager.abort() };
}

function secureOptions(tls: ClientTls | undefined): SecureClientSessionOptions {
  if (tls === undefined) return {};
  const { authorities, certificate, privateKey, serverName } = tls;
  return {
    minVersion: "TLSv1.2",
    ...(authorities !== undefined && { ca: authorities }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(privateKey !== undefined && { key: privateKey }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

/** `$XDG_STATE_HOME/immudb-ts`, or `~/.local/state/immudb-ts`. A relative XDG_STATE_HOME is ignored, as its specification says. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const home = env["XDG_STATE_HOME"];
  return join(home?.startsWith("/") ? home : join(env["HOME"] || homedir(), ".local", "state"), "immudb-ts");
}

/** A file or folder name for any text: readable, and different for different texts. */
export function fileNameFor(text: string): string {
  const readable = text
    .replaceAll(/[^A-Za-z0-9.-]/g, "_")
    .replaceAll(/^\.+/g, "_")
    .slice(0, 64);
  return `${readable}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}

/** Trusted state in files, safe among any number of processes of one machine. */
export class FileStateStore implements StateStore {
  readonly #directory: string;
  readonly #waitMs: number;
  readonly #turns = new Turns();

  /** `waitMs`: how long to wait for another process before giving up with ClientError `state_locked`. */
  constructor(directory: string = stateDirectory(), waitMs: number = STATE_LOCK_WAIT_MS) {
    this.#directory = directory;
    this.#waitMs = waitMs;
  }

  exclusively<T>(address: string, database: string, work: (slot: StateSlot) => Promise<T>): Promise<T> {
    const folder = join(this.#directory, fileNameFor(address));
    const name = /^[a-z0-9_]{1,128}$/.test(database) ? database : fileNameFor(database).replaceAll(".", "_");
    return this.#turns.take(join(folder, name), async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const lock = await acquire(folder, name, this.#waitMs);
      try {
        return await work(new FileSlot(folder, name, address, database, lock));
      } finally {
        await rm(join(folder, lock), { force: true });
      }
    });
  }

  howToForget(address: string): string {
    return `remove the folder ${join(this.#directory, fileNameFor(address))}`;
  }
}

class FileSlot implements StateSlot {
  readonly #folder: string;
  readonly #name: string;
  readonly #address: string;
  readonly #database: string;
  readonly #lock: string;

  constructor(folder: string, name: string, address: string, database: string, lock: string) {
    this.#folder = folder;
    this.#name = name;
    this.#address = address;
    this.#database = database;
    this.#lock = lock;
  }

  async uuid(): Promise<string | undefined> {
    const file = join(this.#folder, "identity.json");
    const text = await readIfThere(file);
    if (text === undefined) return undefined;
    const found = parseObject(text, file);
    if (found["address"] !== this.#address || typeof found["uuid"] !== "string") throw unreadable(file);
    return found["uuid"];
  }

  async pin(uuid: string): Promise<string> {
    const temporary = await this.#writeTemporary(JSON.stringify({ address: this.#address, uuid }));
    try {
      await link(temporary, join(this.#folder, "identity.json"));
      await syncFolder(this.#folder);
    } catch (error) {
      if (errno(error) !== "EEXIST") throw error;
    } finally {
      await rm(temporary, { force: true });
    }
    return (await this.uuid()) ?? uuid;
  }

  async state(): Promise<State | undefined> {
    const file = join(this.#folder, `${this.#name}.state.json`);
    const text = await readIfThere(file);
    return text === undefined ? undefined : this.#parseState(parseObject(text, file), await this.uuid(), file);
  }

  async advance(from: State | undefined, to: State): Promise<void> {
    checkAdvance(await this.state(), from, to);
    const temporary = await this.#writeTemporary(
      JSON.stringify({
        address: this.#address,
        uuid: await this.uuid(),
        database: this.#database,
        txId: String(to.txId),
        txHash: toHex(to.txHash),
        ...(to.signature && {
          signature: { publicKey: toBase64(to.signature.publicKey), signature: toBase64(to.signature.signature) },
        }),
      }),
    );
    if (!(await exists(join(this.#folder, this.#lock)))) {
      await rm(temporary, { force: true });
      throw new ClientError(
        "state_moved",
        "the lock on the trusted state was taken away while an operation was being verified; run it again",
      );
    }
    await rename(temporary, join(this.#folder, `${this.#name}.state.json`));
    await syncFolder(this.#folder);
  }

  #parseState(found: Record<string, unknown>, uuid: string | undefined, file: string): State {
    const { address, database, txId, txHash, signature } = found;
    const known = address === this.#address && database === this.#database && found["uuid"] === uuid;
    if (!known || typeof txId !== "string" || !/^[1-9][0-9]{0,19}$/.test(txId)) throw unreadable(file);
    if (typeof txHash !== "string" || !/^[0-9a-f]{64}$/.test(txHash)) throw unreadable(file);
    return {
      db: this.#database,
      txId: BigInt(txId),
      txHash: fromHex(txHash),
      signature: signature === undefined ? undefined : parseSignature(signature, file),
    };
  }

  async #writeTemporary(text: string): Promise<string> {
    const path = join(this.#folder, `${this.#name}.${nonce()}.tmp`);
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(`${text}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return path;
  }
}

/** Announces, looks, and is in when alone. Returns the name of the lock file, to be removed when done. */
async function acquire(folder: string, name: string, waitMs: number): Promise<string> {
  const deadline = performance.now() + waitMs;
  for (let round = 0; ; round++) {
    let others = await livingLocks(folder, name);
    if (others.length === 0) {
      const mine = `${name}.lock.${HOST}.${process.pid}.${startOf(process.pid)}.${nonce()}`;
      await writeFile(join(folder, mine), "", { flag: "wx", mode: 0o600 });
      others = (await livingLocks(folder, name)).filter((other) => other !== mine);
      if (others.length === 0) {
        await removeLeftovers(folder, name);
        return mine;
      }
      await rm(join(folder, mine), { force: true });
    }
    if (performance.now() >= deadline) {
      const lock = join(folder, others[0] as string);
      throw new ClientError(
        "state_locked",
        `another process has been verifying for more than ${waitMs} ms; it holds ${lock}`,
        { lock },
      );
    }
    await new Promise((resume) => setTimeout(resume, 2 + Math.random() * Math.min(50, 4 * (round + 1))));
  }
}

/** Lock files of processes that are, as far as one can tell, alive; those of dead ones are removed on the way. */
async function livingLocks(folder: string, name: string): Promise<string[]> {
  const living: string[] = [];
  for (const file of await readdir(folder)) {
    if (!file.startsWith(`${name}.lock.`)) continue;
    if (await isLiving(folder, file, name)) living.push(file);
    else await rm(join(folder, file), { force: true });
  }
  return living;
}

async function isLiving(folder: string, file: string, name: string): Promise<boolean> {
  const [host, pid, start] = file.slice(`${name}.lock.`.length).split(".");
  if (host === HOST) return startOf(Number(pid)) === start;
  // Another machine or container: it cannot be asked, so only age tells. No verified operation lasts that long.
  try {
    return Date.now() - (await stat(join(folder, file))).mtimeMs < STATE_LOCK_FOREIGN_STALE_MS;
  } catch {
    return false;
  }
}

async function removeLeftovers(folder: string, name: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (file.startsWith(`${name}.`) && file.endsWith(".tmp")) await rm(join(folder, file), { force: true });
  }
}

/** Names the machine and, where there is one, the process namespace: pids mean something only inside it. */
const HOST: string = createHash("sha256").update(`${hostname()} ${pidNamespace()}`).digest("hex").slice(0, 12);

function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** When a process started, so that a reused pid is not mistaken for its former owner. "gone" when there is no such process. */
function startOf(pid: number): string {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) as string;
    return afterName.split(" ")[19] as string;
  } catch {
    return isRunning(pid) ? "running" : "gone";
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errno(error) === "EPERM";
  }
}

function nonce(): string {
  return randomBytes(9).toString("base64url");
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errno(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw unreadable(file);
}

function parseSignature(value: unknown, file: string): { publicKey: Uint8Array; signature: Uint8Array } {
  const { publicKey, signature } = Object(value) as Record<string, unknown>;
  if (typeof publicKey !== "string" || typeof signature !== "string") throw unreadable(file);
  return { publicKey: fromBase64(publicKey), signature: fromBase64(signature) };
}

function unreadable(file: string): ClientError {
  return new ClientError("state_unreadable", `${file} is not a trusted state that this client wrote`, { file });
}

function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
