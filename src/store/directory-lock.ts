// One process per directory: a listening unix socket in it, since process ids repeat in containers. Who can connect to it
// finds the owner alive; a refused connection means that the owner is gone, and the socket is taken over. The lock holds on
// one machine only: a directory on a network file system is not protected against another machine.
//
// Socket paths end at 107 bytes, and a longer one is silently truncated by some runtimes. On Linux the path is therefore
// /proc/self/fd/<directory>/.lock, which is short whatever the directory is called; elsewhere a longer path is refused.

import { once } from "node:events";
import { linkSync, rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { toHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { StoreError } from "./errors.ts";

// No database can be called so: names have letters, digits and _.
const LOCK_NAME = ".lock";
const SOCKET_PATH_BYTES_MAX = 107;
const ATTEMPTS_MAX = 8;

export class DirectoryLock {
  readonly #server: Server;
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(server: Server, handle: FileHandle, path: string) {
    this.#server = server;
    this.#handle = handle;
    this.#path = path;
  }

  /** Takes the lock of an existing directory. Throws `locked` when another process (or this one) holds it. */
  static async acquire(directory: string, random: Random): Promise<DirectoryLock> {
    const handle = await open(directory, "r");
    try {
      const base = socketBase(directory, handle);
      const server = await listen(
        join(base, `${LOCK_NAME}.${toHex(random.bytes(6))}`),
        join(base, LOCK_NAME),
        directory,
      );
      return new DirectoryLock(server, handle, join(base, LOCK_NAME));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    rmSync(this.#path, { force: true });
    this.#server.close();
    await once(this.#server, "close");
    await this.#handle.close();
  }
}

function socketBase(directory: string, handle: FileHandle): string {
  if (process.platform === "linux") return `/proc/self/fd/${handle.fd}`;
  const bytes = Buffer.byteLength(join(directory, `${LOCK_NAME}.000000000000`));
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    throw new StoreError(
      "illegal_arguments",
      `the path of the data directory is too long for a socket on this system: ${directory}`,
      {
        limit: SOCKET_PATH_BYTES_MAX,
      },
    );
  }
  return directory;
}

/** Listens under a name of our own, then links it to the lock's name: linking fails when a lock is there. */
async function listen(own: string, lock: string, directory: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(own);
  await once(server, "listening");
  server.unref();
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (linked(own, lock)) return server;
      if (await isAlive(lock)) break;
      await removeStale(lock, `${own}.stale`);
    }
    throw new StoreError("locked", `the data directory is in use by another process: ${directory}`, { directory });
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function linked(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EAGAIN"));
  });
}

/** Moves a dead lock aside. Between the look and the move another process may have replaced it by a live one: then it goes back. */
async function removeStale(lock: string, aside: string): Promise<void> {
  try {
    await rename(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (await isAlive(aside)) linked(aside, lock);
  rmSync(aside, { force: true });
}
