// `npm run tour`: the main job on real input, from an empty directory to a damaged disk. What it shows is in docs/tour.md.
//
//   records ──write──▶ server ──read with proof──▶ all as written?
//                        │ stopped; one byte of one live value changed on disk
//                      server ──read──▶ do exactly the reads that depend on it fail, by name?
//
//   --records N       no more than N records
//   --output json     the summary as JSON on standard output
//
// Exit code 0: everything is as it should be. 1: something is not. 2: wrong use.

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { utf8 } from "../src/base/bytes.ts";
import { useNodeSha256 } from "../src/server/node-sha256.ts";
import { ServerProcess } from "./server-process.ts";
import { verifyAll, type Written, writeTransactions } from "./tour/load.ts";
import { changeOneByte } from "./tour/one-byte.ts";
import { Progress } from "./tour/progress.ts";
import { connectReaders, newMemory, type ReaderMemory, type Readers } from "./tour/reader.ts";
import { collectRecords, type FileRecord } from "./tour/records.ts";
import { bytesOnDisk, conditions, type Rate, type Summary, spread, summaryText } from "./tour/summary.ts";
import { compareKeys, whoNotices } from "./tour/who-notices.ts";

/** Where node_modules has fewer files, other folders fill up. */
const RECORDS_ENOUGH = 11_000;
const RECORDS_MIN = 100;
const READERS = 8;
const ENTRIES_PER_TRANSACTION = 100;
/** One record in five is written in a transaction of its own, one in a hundred is recorded again. */
const ALONE_EVERY = 5;
const AGAIN_EVERY = 100;

useNodeSha256();
const { max, output } = readArguments();
const directory = await mkdtemp(join(tmpdir(), "tour-"));
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
const summary = await tour(directory, max);
process.stdout.write(output === "json" ? `${JSON.stringify(summary, null, 2)}\n` : `\n${summaryText(summary)}`);
process.exitCode = summary.ok ? 0 : 1;

async function tour(data: string, recordsMax: number): Promise<Summary> {
  const collecting = new Progress("files read");
  const records = await collectRecords(RECORDS_ENOUGH, recordsMax, () => collecting.add());
  collecting.end();
  const memory = newMemory(READERS);

  const first = await visit(data, memory, async ({ clients }) => {
    const { written, stored } = await write(clients, records);
    const progress = new Progress("verified", stored.length);
    const wrong = await verifyAll(clients, stored, progress);
    return { written, stored, wrong, verified: { count: stored.length, seconds: progress.end(), readers: READERS } };
  });
  const proofBytes = spread(memory.proofBytes);
  const disk = await bytesOnDisk(join(data, "defaultdb"));

  const twice = first.stored.filter(({ firstValue }) => firstValue !== undefined);
  const victim = twice[twice.length >> 1] as Written;
  const value = utf8(victim.value);
  const byte = await changeOneByte(join(data, "defaultdb"), victim.txId, value, value.length >> 1);

  const others = first.stored.filter(({ key }) => key !== victim.key);
  const noticed = await visit(data, memory, async ({ clients }) => {
    const progress = new Progress("verified after the damage", others.length);
    const found = await whoNotices(clients, victim, others, progress);
    progress.end();
    return found;
  });

  const wrong = [...first.wrong, ...noticed.wrong];
  return {
    ok: wrong.length === 0,
    conditions: conditions(),
    records: records.length,
    payloadBytes: first.stored.reduce((sum, { key, value: text }) => sum + Buffer.byteLength(key + text), 0),
    written: first.written,
    verified: first.verified,
    proofBytes,
    disk,
    damage: { key: victim.key, txId: String(victim.txId), byte, noticed },
    wrong,
  };
}

/** Starts the server, connects the readers, and stops it when the visit is over. */
async function visit<T>(data: string, memory: ReaderMemory, during: (readers: Readers) => Promise<T>): Promise<T> {
  await using server = new ServerProcess(data);
  const address = await server.serving;
  let result: T;
  {
    await using readers = await connectReaders(address, ServerProcess.user, ServerProcess.password, memory);
    result = await during(readers);
  }
  await server.stop();
  return result;
}

/** Writes all records, most in big transactions, some alone, and a few of them again. */
async function write(
  clients: Readers["clients"],
  records: readonly FileRecord[],
): Promise<{ readonly written: Summary["written"]; readonly stored: Written[] }> {
  const client = clients[0] as Readers["clients"][number];
  const stored = new Map<string, Written>();
  const store = async (what: string, some: readonly FileRecord[], entries: number, again: boolean): Promise<Rate> => {
    const progress = new Progress(what, some.length);
    const pairs = some.map(({ key, value, secondValue }) => ({ key, value: again ? secondValue : value }));
    for (const written of await writeTransactions(client, pairs, entries, progress)) {
      const before = stored.get(written.key);
      stored.set(written.key, before === undefined ? written : { ...written, firstValue: before.value });
    }
    return { count: some.length, seconds: progress.end() };
  };
  const together = records.filter((_, i) => i % ALONE_EVERY !== 0);
  const alone = records.filter((_, i) => i % ALONE_EVERY === 0);
  const twice = records.filter((_, i) => i % AGAIN_EVERY === 1);
  const inTransactions = await store("written in transactions", together, ENTRIES_PER_TRANSACTION, false);
  const written = {
    inTransactions: { ...inTransactions, entriesEach: ENTRIES_PER_TRANSACTION },
    // Before the single ones, so that much is written after the records of which one will be damaged.
    again: await store("written again", twice, twice.length, true),
    alone: await store("written alone", alone, 1, false),
  };
  return { written, stored: [...stored.values()].sort((a, b) => compareKeys(a.key, b.key)) };
}

function readArguments(): { readonly max: number; readonly output: "text" | "json" } {
  const { values } = parseArgs({
    options: { records: { type: "string" }, output: { type: "string", default: "text" } },
  });
  const recordsMax = values.records === undefined ? Number.POSITIVE_INFINITY : Number(values.records);
  if (!(recordsMax >= RECORDS_MIN)) return wrongUse(`--records is a number from ${RECORDS_MIN} on`);
  if (values.output !== "text" && values.output !== "json") return wrongUse("--output is text or json");
  return { max: recordsMax, output: values.output };
}

function wrongUse(what: string): never {
  process.stderr.write(`${what}\n`);
  process.exit(2);
}
