// Long values through a real server: clients that write them as streams and read them back, all at once, beside one that reads
// far more slowly than the server could send. What is looked at is the server's memory: it must not depend on how long values
// are, how many come at once, or how slowly somebody reads.
//
//   client × n   streamSet ──▶ streamGet, compared ──▶ streamSet …      each on a connection of its own
//   slow reader  streamGet at so many bytes a second
//
// Values are made and checked piece by piece: of this process, too, only the pieces are in memory.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { u64, utf8 } from "../../src/base/bytes.ts";
import { CONNECTION_MEMORY_MB_MAX } from "../../src/base/limits.ts";
import { frameChunks } from "../../src/wire/frame-chunks.ts";
import { FrameReader } from "../../src/wire/frame-reader.ts";

const PROGRAM: string = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));
const MIB: number = 1024 * 1024;
const CHUNK_BYTES: number = 64 * 1024;
/** About the longest that a message may carry. */
const MESSAGE_CHUNK_BYTES: number = 31 * MIB;
/** The longest that a database takes: 32 MiB with the byte that the store puts in front. */
const VALUE_BYTES: number = 32 * MIB - 1;
const ADMIN = { username: utf8("immudb"), password: utf8("immudb"), databaseName: "defaultdb" };
/** How often the slow reader takes what it may. */
const SIPS_PER_SECOND = 4;

export interface StreamsPlan {
  readonly clients: number;
  readonly transport: "own" | "node";
  /**
   * How long clients begin new values, in seconds; each has one at least, and ends the one that it is at. Absent: until the slow
   * reader has read all.
   */
  readonly seconds: number | undefined;
  readonly slowBytesPerSecond: number;
  /** true: a client sends each value in chunks that are as long as may be. */
  readonly oneChunk: boolean;
}

export interface StreamsReport {
  readonly written: number;
  readonly read: number;
  /** Bytes that the slow reader has read. */
  readonly slowly: number;
  /** The value of the slow reader was read to its end, and is what was written. */
  readonly slowlyWhole: boolean;
  readonly seconds: number;
  /** By how many bytes the server's resident memory grew at most. */
  readonly grown: number;
  readonly findings: readonly string[];
}

/** Runs a server and its clients. Linux only: memory is read from /proc. */
export async function runStreams(plan: StreamsPlan): Promise<StreamsReport> {
  const directory = await mkdtemp(join(tmpdir(), "streams-"));
  const { child, url } = await startServer(directory, plan.transport);
  try {
    return await loaded(child, url, plan);
  } finally {
    child.kill("SIGTERM");
    await once(child, "close");
    await rm(directory, { recursive: true });
  }
}

async function loaded(child: ChildProcess, url: string, plan: StreamsPlan): Promise<StreamsReport> {
  const findings: string[] = [];
  const first = await Visitor.open(url);
  // What a first value makes the server load counts for none.
  await first.write("slow", 0, CHUNK_BYTES);
  if (!(await first.isRead("slow", 0))) findings.push("the first value is not what was written");
  const growth = watchMemory(child);
  const began = performance.now();
  const isOver = { value: false };
  const slow = readSlowly(first, plan, isOver);
  const until = plan.seconds === undefined ? slow.then(() => undefined) : sleep(plan.seconds * 1000);
  void until.then(() => {
    isOver.value = true;
  });
  let written = 0;
  let read = 0;
  const visit = async (_: unknown, client: number): Promise<void> => {
    const visitor = await Visitor.open(url);
    let round = 0;
    do {
      const seed = client * 1000 + ++round;
      await visitor.write(`client ${client}`, seed, plan.oneChunk ? MESSAGE_CHUNK_BYTES : CHUNK_BYTES);
      written++;
      if (await visitor.isRead(`client ${client}`, seed)) read++;
      else findings.push(`client ${client}, value ${round}: not what was written`);
    } while (!isOver.value);
  };
  await Promise.all(Array.from({ length: plan.clients }, visit));
  const { bytes: slowly, isWhole } = await slow;
  if (plan.seconds === undefined && !isWhole) findings.push("what was read slowly is not what was written");
  const seconds = (performance.now() - began) / 1000;
  return { written, read, slowly, slowlyWhole: isWhole, seconds, grown: growth(), findings };
}

/** Reads the first value at the rate of the plan, until it has all of it or it is over. */
async function readSlowly(
  visitor: Visitor,
  { slowBytesPerSecond }: StreamsPlan,
  isOver: { readonly value: boolean },
): Promise<{ bytes: number; isWhole: boolean }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const began = performance.now();
  for await (const { content } of visitor.streamGet("slow")) {
    bytes += content.length;
    hash.update(content);
    while (!isOver.value && bytes > slowBytesPerSecond * ((performance.now() - began) / 1000))
      await sleep(1000 / SIPS_PER_SECOND);
    if (isOver.value) return { bytes, isWhole: false };
  }
  const wanted = createHash("sha256");
  for (const { content } of chunksOf("slow", 0, CHUNK_BYTES)) wanted.update(content);
  return { bytes, isWhole: hash.digest("hex") === wanted.digest("hex") };
}

/** A client on a connection of its own. */
class Visitor {
  readonly #client: Client<typeof ImmuService>;
  readonly #headers: { readonly sessionid: string };

  private constructor(client: Client<typeof ImmuService>, sessionid: string) {
    this.#client = client;
    this.#headers = { sessionid };
  }

  static async open(url: string): Promise<Visitor> {
    // A chunk as long as a value is memory of its sender, which Node would not let him have.
    const nodeOptions = { maxSessionMemory: CONNECTION_MEMORY_MB_MAX };
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: url, nodeOptions }));
    return new Visitor(client, (await client.openSession(ADMIN)).sessionID);
  }

  async write(key: string, seed: number, chunkBytes: number): Promise<void> {
    await this.#client.streamSet(arriving(chunksOf(key, seed, chunkBytes)), { headers: this.#headers });
  }

  streamGet(key: string): AsyncIterable<Chunk> {
    return this.#client.streamGet({ key: utf8(key) }, { headers: this.#headers });
  }

  /** Whether the value of a key is the one of this seed. */
  async isRead(key: string, seed: number): Promise<boolean> {
    async function* contents(chunks: AsyncIterable<Chunk>): AsyncGenerator<Uint8Array> {
      for await (const { content } of chunks) yield content;
    }
    await using frames = new FrameReader(contents(this.streamGet(key)));
    await frames.next();
    await frames.whole();
    const length = await frames.next();
    const hash = createHash("sha256");
    for await (const piece of frames.pieces()) hash.update(piece);
    return length === VALUE_BYTES && (await frames.next()) === undefined && sameDigest(hash, seed);
  }
}

function sameDigest(hash: Hash, seed: number): boolean {
  const wanted = createHash("sha256");
  for (const piece of valuePieces(seed)) wanted.update(piece);
  return hash.digest("hex") === wanted.digest("hex");
}

function* chunksOf(key: string, seed: number, chunkBytes: number): Generator<{ content: Uint8Array }> {
  for (const content of frameChunks(key.length, [utf8(key)], chunkBytes)) yield { content };
  for (const content of frameChunks(VALUE_BYTES, valuePieces(seed), chunkBytes)) yield { content };
}

async function* arriving<T>(chunks: Iterable<T>): AsyncGenerator<T> {
  yield* chunks;
}

/** A value that differs in every piece, and from every other value. */
function* valuePieces(seed: number): Generator<Uint8Array> {
  const piece = new Uint8Array(CHUNK_BYTES).fill(seed % 251);
  for (let left = VALUE_BYTES, i = 0; left > 0; left -= CHUNK_BYTES, i++) {
    piece.set(u64(BigInt(seed) * 100_000n + BigInt(i)));
    yield piece.subarray(0, Math.min(left, CHUNK_BYTES));
  }
}

async function startServer(directory: string, transport: string): Promise<{ child: ChildProcess; url: string }> {
  const flags = ["--port=0", "--address=127.0.0.1", `--dir=${directory}`, `--transport=${transport}`];
  const child = spawn(process.execPath, [PROGRAM, ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += chunk;
    const found = /http:\S+:\d+/.exec(said);
    if (found !== null) return { child, url: found[0] };
  }
  throw new Error(`the server does not start: ${said}`);
}

/** Starts to watch a process: what is returned tells by how many bytes its resident memory grew at most since. */
function watchMemory(child: ChildProcess): () => number {
  const bytes = (field: "VmRSS" | "VmHWM"): number => {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  };
  // The kernel forgets the greatest size so far.
  writeFileSync(`/proc/${child.pid}/clear_refs`, "5");
  const before = bytes("VmRSS");
  return () => bytes("VmHWM") - before;
}
