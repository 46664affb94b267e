// No file descriptor is left: the limit of a serving process is lowered to a few more than it has, and connections take those.
// Whoever is connected goes on; a new connection, and a database that is not open, which need descriptors, are refused for
// certain; and when there are descriptors again everything goes on without a restart.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { ServerProcess } from "../../scripts/server-process.ts";
import { type Fault, type Outcome, Unavailable } from "./outcome.ts";
import { inTime, ServerUser } from "./server-user.ts";

const LEFT = 4;
const CONNECTIONS = 30;
const WRITES = 20;

export const descriptors: Fault = {
  name: "descriptors",
  async run() {
    if (process.platform !== "linux") throw new Unavailable("limits of a running process can be set on Linux only");
    const directory = await mkdtemp(join(tmpdir(), "descriptors-"));
    try {
      return [await exhaust(directory)];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function exhaust(directory: string): Promise<Outcome> {
  const [user, second] = [new ServerUser(), new ServerUser()];
  const { findings } = user;
  let server = new ServerProcess(directory);
  try {
    await user.connect(await server.serving);
    await user.createDatabase("second");
    await server.stop();
    // It is opened by its first call, which is still to come.
    server = new ServerProcess(directory);
    const address = await server.serving;
    const pid = server.pid as number;
    await user.connect(address);
    await user.writeTimes(WRITES);
    await second.connect(address);

    const open = (await readdir(`/proc/${pid}/fd`)).length;
    const before = limitOf(pid);
    setLimit(pid, String(open + LEFT));
    const sockets = await connections(address);
    await user.writeTimes(WRITES);
    await user.readSome(WRITES);
    if (user.acknowledged < 2 * WRITES) findings.push("who was connected could not go on");
    if (await uses(second, "second")) findings.push("a database was opened without descriptors");
    if (await connects(address)) findings.push("a connection was made without descriptors");

    for (const socket of sockets) socket.destroy();
    setLimit(pid, before);
    if (!(await uses(second, "second"))) findings.push("the second database does not come back");
    if (!(await connects(address))) findings.push("no connection is possible any more");
    await user.writeTimes(WRITES);
    await server.stop();

    const began = performance.now();
    server = new ServerProcess(directory);
    await user.connect(await server.serving);
    const recoveryMs = performance.now() - began;
    const { lost } = await user.readBack();
    const acknowledged = user.acknowledged + second.acknowledged;
    const refused = user.refused + second.refused;
    const unknown = user.unknown + second.unknown;
    const how = `limit lowered to ${LEFT} more than open, ${CONNECTIONS} connections`;
    const counts = { rounds: 1, acknowledged, lost, refused, unknown, recoveryMs };
    return { fault: "no file descriptor is left", how, ...counts, remarks: [...second.refusals].join("; "), findings };
  } finally {
    user.disconnect();
    second.disconnect();
    await server.kill();
  }
}

/** Selects a database, which opens it, and writes. */
async function uses(user: ServerUser, database: string): Promise<boolean> {
  try {
    await inTime(user.client.useDatabase(database));
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    user.refusals.add(error.message);
    return false;
  }
  return user.write();
}

async function connects(address: string): Promise<boolean> {
  const user = new ServerUser();
  try {
    await user.connect(address);
    return true;
  } catch (error) {
    if (error instanceof ConnectError) return false;
    throw error;
  } finally {
    user.disconnect();
  }
}

/** Connections that the server accepts as far as it can; the others stay in the queue of the kernel or are closed. */
async function connections(address: string): Promise<Socket[]> {
  const [host, port] = address.split(":") as [string, string];
  const sockets: Socket[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect(Number(port), host);
    socket.on("error", () => undefined);
    await inTime(Promise.race([once(socket, "connect"), once(socket, "close")]));
    sockets.push(socket);
  }
  return sockets;
}

function limitOf(pid: number): string {
  return prlimit("--pid", String(pid), "--nofile", "--noheadings", "--output", "SOFT").trim();
}

function setLimit(pid: number, soft: string): void {
  prlimit("--pid", String(pid), `--nofile=${soft}:`);
}

function prlimit(...args: readonly string[]): string {
  try {
    return execFileSync("prlimit", args, { encoding: "utf8" });
  } catch (error) {
    throw new Unavailable(`prlimit fails: ${(error as Error).message}`);
  }
}
