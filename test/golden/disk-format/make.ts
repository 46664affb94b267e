// Makes the data directory that disk-format.test.ts opens, and the answers that it gives. Done once for a version of the
// format, by the code that was released with it, and never again:
//
//   faketime '10 days ago' node test/golden/disk-format/make.ts old v1 && node test/golden/disk-format/make.ts new v1
//
// The first run writes what is old enough to be truncated, the second one truncates it, writes everything else and packs.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Code, ConnectError } from "@connectrpc/connect";
import { PermissionAction } from "../../../gen/immudb/schema/user_pb.ts";
import { concat, utf8 } from "../../../src/base/bytes.ts";
import { frameChunks } from "../../../src/wire/frame-chunks.ts";
import { startTestServer } from "../../support/test-server.ts";
import { answersOf, type Immu, withDatabase } from "./questions.ts";

const DAY_MS = 86_400_000n;
const [phase, version] = process.argv.slice(2);
if ((phase !== "old" && phase !== "new") || version === undefined) throw new Error("make.ts old|new VERSION");
const directory = join(tmpdir(), `disk-format-${version}`);
const here = fileURLToPath(new URL(".", import.meta.url));

const set = (immu: Immu, key: string, value: string | Uint8Array) =>
  immu.set({ KVs: [{ key: utf8(key), value: typeof value === "string" ? utf8(value) : value }] });

async function writeOld(immu: Immu): Promise<void> {
  await immu.createDatabaseV2({
    name: "aged",
    settings: { truncationSettings: { retentionPeriod: { value: 2n * DAY_MS } } },
  });
}

async function writeAged(immu: Immu, when: "old" | "new"): Promise<void> {
  await set(immu, when, `a value that is ${when}`);
  await set(immu, when, `${when} again`);
  await set(immu, "empty", "");
}

async function writeDefault(immu: Immu): Promise<void> {
  const plain = (key: string, value: string) => ({ key: utf8(key), value: utf8(value) });
  for (let i = 1; i <= 5; i++) await set(immu, "a", `version ${i}`);
  await immu.set({
    KVs: [
      plain("small", "1"),
      { ...plain("expired", "2"), metadata: { expiration: { expiresAt: 1n } } },
      { ...plain("later", "3"), metadata: { expiration: { expiresAt: 32_503_680_000n } } },
      { ...plain("unindexed", "4"), metadata: { nonIndexable: true } },
    ],
  });
  await set(immu, "deleted", "5");
  await immu.delete({ keys: [utf8("deleted")] });
  await immu.setReference({ key: utf8("reference"), referencedKey: utf8("a") });
  await immu.setReference({ key: utf8("bound"), referencedKey: utf8("a"), atTx: 2n, boundRef: true });
  for (const [i, key] of ["a", "small", "later"].entries()) {
    await immu.zAdd({ set: utf8("set"), score: (i - 1) * 1.5, key: utf8(key) });
  }
  await immu.execAll({
    Operations: [
      { operation: { case: "kv", value: plain("batch", "6") } },
      { operation: { case: "ref", value: { key: utf8("to batch"), referencedKey: utf8("batch") } } },
      { operation: { case: "zAdd", value: { set: utf8("set"), score: 9, key: utf8("batch") } } },
    ],
  });
  await immu.set({ KVs: Array.from({ length: 1000 }, (_, i) => plain(`wide ${i}`, "w".repeat(i % 90))) });
  await set(immu, "of several pieces", new Uint8Array(300_000).fill(8));
  const value = new Uint8Array(3_000_000).fill(9);
  await immu.streamSet(chunksOf([utf8("streamed"), value]));
  await immu.createUser({ user: utf8("reader"), password: utf8("Reader-1"), permission: 1, database: "defaultdb" });
  const granted = { username: "reader", database: "aged", permission: 2 };
  await immu.changePermission({ action: PermissionAction.GRANT, ...granted });
}

async function* chunksOf(frames: readonly Uint8Array[]): AsyncGenerator<{ content: Uint8Array }> {
  for (const frame of frames) for (const content of frameChunks(frame.length, [frame], 65_536)) yield { content };
}

/** A replica by hand: what is truncated there was never here. */
async function copyAged(from: Immu, to: Immu): Promise<void> {
  const { txId } = await from.currentState({});
  for (let tx = 1n; tx <= txId; tx++) {
    const blob: Uint8Array[] = [];
    for await (const { content } of from.exportTx({ tx })) blob.push(content);
    await to.replicateTx(whole(concat(...blob)));
  }
}

async function* whole(content: Uint8Array): AsyncGenerator<{ content: Uint8Array }> {
  yield { content };
}

/** Durable, and never committed: no replica says that it has it. */
async function writeUnacknowledged(immu: Immu): Promise<void> {
  const unanswered = immu.set({ KVs: [{ key: utf8("a"), value: utf8("waits") }] }, { timeoutMs: 2000 });
  await unanswered.then(
    () => Promise.reject(new Error("it was acknowledged")),
    (error: unknown) => {
      if (!(error instanceof ConnectError && error.code === Code.DeadlineExceeded)) throw error;
    },
  );
}

async function makeOld(): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  await using server = await startTestServer({ dir: directory });
  await withDatabase(server, "defaultdb", writeOld);
  await withDatabase(server, "aged", (immu) => writeAged(immu, "old"));
}

async function makeNew(): Promise<void> {
  await using server = await startTestServer({ dir: directory, "log-request-metadata": "true" });
  await withDatabase(server, "aged", async (immu) => {
    await writeAged(immu, "new");
    await immu.truncateDatabase({ database: "aged", retentionPeriod: 2n * DAY_MS });
  });
  await withDatabase(server, "defaultdb", async (immu) => {
    await writeDefault(immu);
    await immu.createDatabaseV2({ name: "copy", settings: { replicationSettings: { replica: { value: true } } } });
    await immu.createDatabaseV2({ name: "older", settings: { writeTxHeaderVersion: { value: 0 } } });
    const waiting = { syncReplication: { value: true }, syncAcks: { value: 1 } };
    await immu.createDatabaseV2({ name: "waiting", settings: { replicationSettings: waiting } });
  });
  await withDatabase(server, "aged", (from) => withDatabase(server, "copy", (to) => copyAged(from, to)));
  await withDatabase(server, "older", async (immu) => {
    for (const value of ["1", "2", "3"]) await set(immu, "a", value);
  });
  await withDatabase(server, "waiting", writeUnacknowledged);
  await server.restart();
  const answers = await answersOf(server);
  await server.restart(async () => {
    execFileSync("tar", ["-czf", join(here, `${version}.tar.gz`), "-C", directory, "."]);
  });
  writeFileSync(join(here, `${version}.json`), `${JSON.stringify(answers, undefined, 2)}\n`);
}

await (phase === "old" ? makeOld() : makeNew());
