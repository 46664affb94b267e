// What the tour found, as figures and as text.

import { stat } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { ChangedByte } from "./one-byte.ts";
import type { Noticed, Refused } from "./who-notices.ts";

/** Records or reads, and how long they took. */
export interface Rate {
  readonly count: number;
  readonly seconds: number;
}

export interface Summary {
  readonly ok: boolean;
  readonly conditions: string;
  readonly records: number;
  /** Keys and values together. */
  readonly payloadBytes: number;
  readonly written: {
    readonly inTransactions: Rate & { readonly entriesEach: number };
    readonly again: Rate;
    readonly alone: Rate;
  };
  readonly verified: Rate & { readonly readers: number };
  /** Bytes of VerifiableEntry: entry, its transaction's header and entries' digests, and the proofs. */
  readonly proofBytes: { readonly min: number; readonly median: number; readonly max: number };
  readonly disk: { readonly logBytes: number; readonly indexBytes: number };
  readonly damage: {
    readonly key: string;
    readonly txId: string;
    readonly byte: ChangedByte;
    readonly noticed: Noticed;
  };
  /** What is not as it should be, one sentence each. */
  readonly wrong: readonly string[];
}

/** Where it was measured. */
export function conditions(): string {
  const processors = cpus();
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${processors.length} × ${processors[0]?.model ?? "unknown processor"}`;
}

/** Size of the files of a database whose server has stopped. */
export async function bytesOnDisk(directory: string): Promise<Summary["disk"]> {
  const size = async (part: string): Promise<number> => (await stat(join(directory, part, "data.mdb"))).size;
  return { logBytes: await size("log"), indexBytes: await size("index") };
}

export function spread(values: readonly number[]): Summary["proofBytes"] {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0] ?? 0, median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 };
}

const LABEL_WIDTH = 12;
const WRONG_SHOWN = 10;

export function summaryText(summary: Summary): string {
  const { written, verified, proofBytes, disk, damage, records, wrong } = summary;
  const { byte, noticed } = damage;
  const perRecord = (bytes: number): string => count(Math.round(bytes / records));
  const rows: readonly (readonly [string, string])[] = [
    ["conditions", summary.conditions],
    ["records", `${count(records)}, ${perRecord(summary.payloadBytes)} bytes each (key and value)`],
    ["written", `${rate(written.inTransactions)} in transactions of ${written.inTransactions.entriesEach}`],
    ["", `${rate(written.again)} a second time, in one transaction`],
    ["", `${rate(written.alone)} each in a transaction of its own`],
    ["verified", `${rate(verified)} by ${verified.readers} clients`],
    [
      "proofs",
      `${count(proofBytes.min)} / ${count(proofBytes.median)} / ${count(proofBytes.max)} bytes (min, median, max)`,
    ],
    [
      "on disk",
      `${perRecord(disk.logBytes + disk.indexBytes)} bytes per record: log ${count(disk.logBytes)}, index ${count(disk.indexBytes)}`,
    ],
    ["damaged", `${damage.key}, transaction ${damage.txId}`],
    [
      "",
      `byte ${count(byte.offset)} of the log: ${hex(byte.from)} became ${hex(byte.to)}; left-over copies: ${byte.staleCopies}`,
    ],
    ...refusals(noticed.refused).map((text, i): [string, string] => [i === 0 ? "refused" : "", text]),
    ["unharmed", `${count(noticed.verified)} other records, all read with proof, scanned and compared`],
  ];
  const lines = rows.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)} ${text}`);
  const verdict = summary.ok
    ? "Everything is as it should be."
    : [`NOT as it should be (${wrong.length}):`, ...wrong.slice(0, WRONG_SHOWN).map((each) => `  ${each}`)].join("\n");
  return `${lines.join("\n")}\n\n${verdict}\n`;
}

/** Reads that were refused alike, and how. */
function refusals(refused: readonly Refused[]): string[] {
  const reads = Map.groupBy(refused, ({ answer }) => answer);
  return [...reads].flatMap(([answer, alike]) => [alike.map(({ read }) => read).join(", "), `  "${answer}"`]);
}

function rate({ count: done, seconds }: Rate): string {
  return `${count(done)} in ${seconds.toFixed(1)} s (${count(Math.round(done / seconds))}/s)`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
