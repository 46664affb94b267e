// One process per directory. Whoever wants it listens on a unix socket of its own in it (process ids repeat in containers) and
// then asks every other one that it finds there:
//
//   .lock.<random>   refuses            its owner is gone: removed. Names are never used again, so a living one is never hit
//                    answers "held"     the directory is taken
//                    answers "wanted"   somebody else is deciding too: the greater name gives up, the smaller one waits for it
//
// Everyone looks after it can be seen itself, so of two that decide at the same time at least one sees the other. Taking over
// a single well-known socket would not do: between finding it dead and removing it, another one may have replaced it.
// The lock holds on one machine only: a directory on a network file system is not protected against another machine.
//
// Socket paths end at 107 bytes, and a longer one is silently truncated by some runtimes. On Linux the path is therefore
// /proc/self/fd/<directory>/<name>, which is short whatever the directory is called; elsewhere a longer path is refused.

import { once } from "node:events";
import { closeSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { StoreError } from "./errors.ts";

// No database can be called so: names have letters, digits and _.
const NAME_PREFIX = ".lock.";
const NAME_BYTES = 6;
const SOCKET_PATH_BYTES_MAX = 107;
/** How long the owner of a socket that accepted a connection may take to answer, and another one to decide. */
const PATIENCE_MS = 2000;
const POLL_MS = 5;

/** "closing": the owner ended the connection without a word, since it is giving up or dying at this moment. */
type Answer = "dead" | "closing" | "held" | "wanted";

export class DirectoryLock {
  /** Descriptor of the directory. */
  readonly #handle: number;
  readonly #base: string;
  readonly #name: string;
  readonly #server: Server;
  #answer: Answer = "wanted";

  private constructor(handle: number, base: string, name: string) {
    this.#handle = handle;
    this.#base = base;
    this.#name = name;
    this.#server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(this.#answer);
    });
  }

  /** Takes the lock of an existing directory. Throws `locked` when another process (or this one) holds it. */
  static async acquire(directory: string, random: Random): Promise<DirectoryLock> {
    const handle = openSync(directory, "r");
    let lock: DirectoryLock | undefined;
    try {
      lock = new DirectoryLock(handle, socketBase(directory, handle), NAME_PREFIX + toHex(random.bytes(NAME_BYTES)));
      await lock.#publish();
      if (!(await lock.#isAlone())) {
        throw new StoreError("locked", `the data directory is in use by another process: ${directory}`, { directory });
      }
      lock.#answer = "held";
      return lock;
    } catch (error) {
      if (lock === undefined) closeSync(handle);
      else await lock.release();
      throw error;
    }
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    rmSync(join(this.#base, this.#name), { force: true });
    if (this.#server.listening) {
      this.#server.close();
      await once(this.#server, "close");
    }
    closeSync(this.#handle);
  }

  /** The name that others look for is given only to a socket that answers, so that one which refuses is dead for good. */
  async #publish(): Promise<void> {
    const hidden = join(this.#base, `.new${this.#name}`);
    this.#server.listen(hidden);
    await once(this.#server, "listening");
    this.#server.unref();
    renameSync(hidden, join(this.#base, this.#name));
  }

  /** Whether nobody else holds the directory or comes first. */
  async #isAlone(): Promise<boolean> {
    const others = readdirSync(this.#base).filter((name) => name.startsWith(NAME_PREFIX) && name !== this.#name);
    const patienceEndsMs = performance.now() + PATIENCE_MS;
    for (const name of others) {
      const path = join(this.#base, name);
      for (let answer = await ask(path); answer !== "dead"; answer = await ask(path)) {
        const comesFirst = answer === "held" || (answer === "wanted" && name < this.#name);
        if (comesFirst || performance.now() > patienceEndsMs) return false;
        await sleep(POLL_MS);
      }
      rmSync(path, { force: true });
    }
    return true;
  }
}

function socketBase(directory: string, handle: number): string {
  if (process.platform === "linux") return `/proc/self/fd/${handle}`;
  const longest = join(directory, `.new${NAME_PREFIX}${"0".repeat(2 * NAME_BYTES)}`);
  if (Buffer.byteLength(longest) > SOCKET_PATH_BYTES_MAX) {
    throw new StoreError(
      "illegal_arguments",
      `the path of the data directory is too long for a socket on this system: ${directory}`,
      { limit: SOCKET_PATH_BYTES_MAX },
    );
  }
  return directory;
}

/** What the owner of a socket says. One that is there and does not answer counts as the holder. */
function ask(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    let answer: Answer = "closing";
    const socket = connect(path);
    socket.setTimeout(PATIENCE_MS, () => {
      answer = "held";
      socket.destroy();
    });
    socket.on("data", (said) => {
      answer = said.toString() === "wanted" ? "wanted" : "held";
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") answer = "dead";
    });
    socket.once("close", () => resolve(answer));
  });
}
