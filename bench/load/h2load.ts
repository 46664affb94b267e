// h2load (of nghttp2) as the load: a client in C that costs less per call than ours, where it is installed and every request
// may be the same. It knows nothing of gRPC: one call is made and checked before, and all answers together must be as long as
// so many of that one.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { concat, u32 } from "../../src/base/bytes.ts";
import type { Door } from "./connection.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { emptyLap, type Lane, type Lap } from "./run-load.ts";

/** Flag and length in front of a gRPC message. */
const PREFIX_BYTES = 5;

export function hasH2load(): boolean {
  return spawnSync("h2load", ["--version"]).status === 0;
}

export interface SameCalls {
  readonly door: Door;
  /** Gives the one request. */
  readonly lane: Lane;
  readonly connections: number;
  readonly each: number;
  readonly forMs: number;
}

export async function runH2load({ door, lane, connections, each, forMs }: SameCalls): Promise<Lap> {
  const message = lane.next();
  const answerBytes = await checkedOnce(door, message, lane);
  const directory = await mkdtemp(join(tmpdir(), "bench-h2load-"));
  try {
    const body = join(directory, "body");
    const log = join(directory, "log");
    await writeFile(body, concat(Uint8Array.of(0), u32(message.length), message));
    const headers = ["content-type: application/grpc", "te: trailers"];
    if (door.sessionId !== undefined) headers.push(`sessionid: ${door.sessionId}`);
    const counts = [`--clients=${connections}`, `--max-concurrent-streams=${each}`, `--duration=${forMs}ms`];
    const args = [...counts, `--log-file=${log}`, `--data=${body}`, ...headers.flatMap((header) => ["-H", header])];
    const child = spawn("h2load", [...args, `http://${door.address}${door.path}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
    assert.equal(code, 0, said);
    requireWhole(said, answerBytes + PREFIX_BYTES, connections * each);
    return lapOf(await readFile(log, "utf8"), forMs);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function checkedOnce(door: Door, message: Uint8Array, lane: Lane): Promise<number> {
  const connection = await GrpcConnection.open(door);
  const answered = new Promise<Uint8Array>((resolve) =>
    connection.send(message, (answer) => resolve(answer.message())),
  );
  const answer = await Promise.race([answered, connection.failed]);
  connection.close();
  await lane.check(answer);
  return answer.length;
}

function requireWhole(said: string, bytes: number, underWay: number): void {
  const number = (pattern: RegExp): number => Number(pattern.exec(said)?.[1]);
  const succeeded = number(/(\d+) succeeded/);
  assert.equal(number(/(\d+) failed/), 0, said);
  const off = Math.abs(number(/\((\d+)\) data/) - succeeded * bytes);
  assert.ok(off <= underWay * bytes, `answers are not as long as the one that was checked: ${said}`);
}

/** Rows of the log: start (µs), status, duration (µs). */
function lapOf(log: string, forMs: number): Lap {
  const lap = emptyLap();
  for (const row of log.split("\n")) {
    const [, status, us] = row.split("\t");
    if (status !== "200") continue;
    lap.calls++;
    lap.times.record(Math.max(1, Number(us) * 1000));
  }
  lap.checked = 1;
  lap.seconds = forMs / 1000;
  return lap;
}
