// A report of a verification, as text and as JSON. The same for one made offline and one made by a server.
//
//   books: whole up to transaction 2000 (5f0c…), 1.2 s     or: DAMAGED: 3 findings
//     read         2000 transactions, 2000 entries, 1990 values (380 kB), 3994 tree nodes, 2000 index rows, 170 pages
//     not covered  values of 12 …                          a line each
//     value        transaction 7, key 006b 'k': the value does not hash to what its entry says

import { fromHex, toHex } from "../base/bytes.ts";
import { bytesText } from "./amounts.ts";
import { type Json, printableText } from "./output.ts";

export interface FindingView {
  readonly class: string;
  readonly txId?: bigint | undefined;
  /** Store key in hexadecimal digits. */
  readonly key?: string | undefined;
  readonly what: string;
}

type Count = number | bigint;

export interface CoverageView {
  readonly pages: Count;
  readonly transactions: Count;
  readonly entries: Count;
  readonly values: Count;
  readonly valueBytes: Count;
  readonly treeNodes: Count;
  readonly latestRows: Count;
  readonly historyRows: Count;
}

export interface ReportView {
  readonly database: string;
  readonly txId: bigint;
  readonly alh: Uint8Array;
  readonly covered: CoverageView;
  readonly notCovered: readonly string[];
  readonly findings: readonly FindingView[];
  readonly findingCount: Count;
}

const LABEL_WIDTH = 16;
const HASH_DIGITS = 16;

export function reportText(report: ReportView, durationMs: number): string {
  const { findings, findingCount, notCovered } = report;
  const lines = [
    `${report.database}: ${verdict(report)}, ${(durationMs / 1000).toFixed(1)} s`,
    line("read", coverageText(report.covered)),
    ...notCovered.map((what) => line("not covered", what)),
    ...findings.map((finding) => line(finding.class, findingText(finding))),
  ];
  const more = Number(findingCount) - findings.length;
  if (more > 0) lines.push(line("", `and ${more} more`));
  return `${lines.join("\n")}\n`;
}

function verdict({ findingCount, txId, alh }: ReportView): string {
  if (Number(findingCount) > 0)
    return `DAMAGED: ${findingCount} ${Number(findingCount) === 1 ? "finding" : "findings"}`;
  return txId === 0n ? "whole" : `whole up to transaction ${txId} (${toHex(alh).slice(0, HASH_DIGITS)}…)`;
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`;
}

function coverageText(covered: CoverageView): string {
  const rows = Number(covered.latestRows) + Number(covered.historyRows);
  const bytes = ` (${bytesText(Number(covered.valueBytes))})`;
  const counts: readonly (readonly [count: Count, one: string, many: string, more?: string])[] = [
    [covered.transactions, "transaction", "transactions"],
    [covered.entries, "entry", "entries"],
    [covered.values, "value", "values", bytes],
    [covered.treeNodes, "tree node", "tree nodes"],
    [rows, "index row", "index rows"],
    [covered.pages, "page", "pages"],
  ];
  const shown = counts
    .filter(([count]) => Number(count) > 0)
    .map(([count, one, many, more = ""]) => `${count} ${Number(count) === 1 ? one : many}${more}`);
  return shown.length === 0 ? "nothing" : shown.join(", ");
}

function findingText({ txId, key, what }: FindingView): string {
  const where = [...(txId === undefined ? [] : [`transaction ${txId}`]), ...(key === undefined ? [] : [keyText(key)])];
  return where.length === 0 ? what : `${where.join(", ")}: ${what}`;
}

/** Store keys begin with a byte that says what they are keys of. */
function keyText(key: string): string {
  const text = printableText(fromHex(key).subarray(1));
  return text === undefined || text === "" ? `key ${key}` : `key ${key} '${text}'`;
}

export function reportJson(report: ReportView, durationMs: number): Json {
  const { database, txId, alh, covered, notCovered, findings, findingCount } = report;
  return {
    database,
    whole: Number(findingCount) === 0,
    txId: String(txId),
    txHash: toHex(alh),
    durationMs: Math.round(durationMs),
    covered: Object.fromEntries(Object.entries(covered).map(([what, count]) => [what, Number(count)])),
    notCovered,
    findings: findings.map(({ class: kind, txId: at, key, what }) => ({
      class: kind,
      ...(at !== undefined && { txId: String(at) }),
      ...(key !== undefined && { key }),
      what,
    })),
    findingCount: Number(findingCount),
  };
}

const UNITS: Readonly<Record<string, string>> = { pages: "pages", log: "transactions", index: "index rows" };

/** What a progress bar says. */
export function progressLabel(database: string, stage: string, done: Count, total: Count): string {
  return `${database}: ${done} of ${total} ${UNITS[stage] ?? ""}`;
}
