// Verification of one database: everything that is stored is read and compared with what it must be.
//
//   pages ──▶ values ──▶ entries ──▶ transactions ──▶ chain and history tree ──▶ known states
//                                          └──▶ index
//
// The log is walked once in its order and the index twice in its own, in memory that does not grow with them, and through short
// snapshots: a database that is being written to can be verified up to where it has come when the walk begins. What this
// shows is that the history is whole and consistent in itself; that it is the history that was told to clients, only the
// states show that they, or the running server, know of it.

import { equalBytes, viewOf } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { EMPTY_ALH } from "../proof/tx-header.ts";
import type { StorePoint } from "./commit-state.ts";
import {
  COMMITTED_ROW,
  decodeTxIdRow,
  decodeWatermark,
  FORMAT_ROW,
  FORMAT_VERSION,
  type IndexWatermark,
  REMOVED_ROW,
  TRUNCATED_ROW,
  txIdOfKey,
  txKey,
  WATERMARK_ROW,
  WITHHELD_ROW,
} from "./layout.ts";
import type { LogTables } from "./tx-log.ts";
import { IndexCheck, type IndexSource } from "./verify-index.ts";
import { nameDifferences } from "./verify-index-rows.ts";
import { LogCheck } from "./verify-log.ts";
import type { Pace } from "./verify-pace.ts";
import { type Findings, isMalformed } from "./verify-report.ts";
import type { SegmentReader } from "./verify-segments.ts";
import { newSeed, VersionSet } from "./version-set.ts";

export interface VerifySource {
  readonly log: LogTables;
  /** undefined: there is none to look at. */
  readonly index: IndexSource | undefined;
  readonly segments: SegmentReader;
}

export interface VerifyOptions {
  /** Whether the database is being written to. What is precommitted is then left out. */
  readonly live: boolean;
  /** States that must be part of the history: known from clients, or from the server that has the database open. */
  readonly known: readonly StorePoint[];
  /** How many transactions it is known to have had at some time. */
  readonly hadTransactions: bigint;
  readonly random: Random;
}

const NOTHING_INDEXED: IndexWatermark = { txId: 0n, alh: EMPTY_ALH, latestRows: 0n, historyRows: 0n };

/** Greater than any transaction id: what was taken back may have had one that is not there. */
const NO_TX = 2n ** 64n;

/** Verifies a database. Returns the end of the history that was verified; the findings collect everything else. */
export async function verifyStore(
  source: VerifySource,
  options: VerifyOptions,
  findings: Findings,
  pace: Pace,
): Promise<StorePoint> {
  const { log, index, segments } = source;
  // The index first: what it has come to is in the log by then.
  const watermark = index === undefined ? undefined : readWatermark(index, findings);
  log.engine.refresh();
  for (const name of segments.damaged) findings.add("segment", `value segment ${name} does not begin as one`);
  const last = checkMeta(log, options, findings);
  const seed = newSeed(options.random);
  const [logVersions, indexVersions] = [new VersionSet(seed), new VersionSet(seed)];
  const check = new LogCheck({
    engine: log.engine,
    log: log.log,
    segments,
    findings,
    known: options.known,
    truncatedBefore: () => idAt(log, TRUNCATED_ROW) ?? 1n,
    withheldUpTo: () => idAt(log, WITHHELD_ROW) ?? 0n,
    indexed: watermark?.txId ?? 0n,
    versions: logVersions,
  });
  await check.run(last, options.live, pace);
  for (const txId of [...options.known.map((point) => point.txId), options.hadTransactions])
    if (txId > last) findings.add("state", `the log ends with transaction ${last} and a later one is known`, { txId });
  if (index !== undefined) {
    const comparison = { source: { ...source, index }, watermark, log: check, logVersions, indexVersions };
    await checkIndex({ ...comparison, live: options.live }, findings, pace);
  }
  return check.end;
}

/** Rows about the log as a whole. Returns the last transaction that is to be verified. */
function checkMeta(log: LogTables, { live }: VerifyOptions, findings: Findings): bigint {
  const end = lastRecord(log);
  const format = log.meta.get(FORMAT_ROW);
  if (format === undefined && end > 0n) findings.add("format", "the log does not say its format");
  if (format !== undefined && (format.length !== 4 || viewOf(format).getUint32(0) !== FORMAT_VERSION))
    findings.add("format", `the log is not in format ${FORMAT_VERSION}`);
  const committed = readId(log, COMMITTED_ROW, "committed", end, findings);
  const truncated = readId(log, TRUNCATED_ROW, "truncated", end, findings);
  readId(log, REMOVED_ROW, "truncated", truncated ?? 1n, findings);
  readId(log, WITHHELD_ROW, "truncated", NO_TX, findings);
  const rows = [FORMAT_ROW, COMMITTED_ROW, TRUNCATED_ROW, REMOVED_ROW, WITHHELD_ROW];
  for (const { key } of log.meta.range({}))
    if (!rows.some((row) => equalBytes(row, key))) findings.add("row", "a row about the log as a whole is unknown");
  return live && committed !== undefined && committed < end ? committed : end;
}

/** The last transaction that has a record; rows of other kinds, or of no kind, may come after it. */
function lastRecord({ log }: LogTables): bigint {
  for (const { key } of log.range({ reverse: true })) {
    const txId = key.length < 8 ? 0n : txIdOfKey(key);
    if (equalBytes(key, txKey(txId))) return txId;
  }
  return 0n;
}

function readId(
  log: LogTables,
  row: Uint8Array,
  kind: "committed" | "truncated",
  max: bigint,
  findings: Findings,
): bigint | undefined {
  const name = String.fromCharCode(...row);
  const bytes = log.meta.get(row);
  const id = idAt(log, row);
  if (bytes !== undefined && id === undefined) findings.add(kind, `the row '${name}' is malformed`);
  if (id === undefined || id <= max) return id;
  findings.add(kind, `the row '${name}' names transaction ${id}, which is beyond ${max}`);
  return undefined;
}

function idAt({ meta }: LogTables, row: Uint8Array): bigint | undefined {
  const bytes = meta.get(row);
  try {
    return bytes && decodeTxIdRow(row, bytes);
  } catch {
    return undefined;
  }
}

/** undefined: it cannot be told how far the index has come. */
function readWatermark(index: IndexSource, findings: Findings): IndexWatermark | undefined {
  index.engine.refresh();
  const bytes = index.meta.get(WATERMARK_ROW);
  if (bytes === undefined) {
    if ([...index.latest.range({ limit: 1 })].length === 0) return NOTHING_INDEXED;
    findings.add("index_watermark", "the index does not say how far it has come");
    return undefined;
  }
  try {
    return decodeWatermark(bytes);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    findings.add("index_watermark", `how far the index has come cannot be read: ${error.message}`);
    return undefined;
  }
}

interface IndexComparison {
  readonly source: VerifySource & { readonly index: IndexSource };
  readonly watermark: IndexWatermark | undefined;
  /** What was found in the log. */
  readonly log: LogCheck;
  readonly logVersions: VersionSet;
  readonly indexVersions: VersionSet;
  readonly live: boolean;
}

async function checkIndex(comparison: IndexComparison, findings: Findings, pace: Pace): Promise<void> {
  const { source, watermark, log, logVersions, indexVersions, live } = comparison;
  const { index } = source;
  const { unread, end } = log;
  const comparable = watermark !== undefined && belongs(watermark, log, findings);
  const check = new IndexCheck({
    index,
    findings,
    watermark: comparable ? watermark : NOTHING_INDEXED,
    live: live || !comparable,
    unread,
    versions: indexVersions,
  });
  await check.run(pace);
  if (!comparable) {
    findings.notCovered.push("the index against the log: it cannot be told how far the index has come");
    return;
  }
  if (watermark.txId < end.txId) {
    const later = `transactions ${watermark.txId + 1n} to ${end.txId}`;
    findings.notCovered.push(`the index of ${later}: it is written behind the log`);
  }
  if (logVersions.equals(indexVersions)) return;
  const { damagedKeys } = check;
  const before = findings.count;
  await nameDifferences({ index, log: source.log.log, findings, indexed: watermark.txId, unread, damagedKeys }, pace);
  if (findings.count === before && damagedKeys.size === 0)
    findings.add("index_latest", "the index does not hold what the log holds");
}

/** Whether the log has the transaction that the index says it has come to. */
function belongs({ txId, alh }: IndexWatermark, log: LogCheck, findings: Findings): boolean {
  if (txId > log.end.txId) {
    const what = `the index has come to transaction ${txId} and the log ends with ${log.end.txId}`;
    findings.add("index_watermark", what);
    return false;
  }
  if (txId === 0n || log.unread.has(txId) || equalBytes(log.indexedAlh ?? EMPTY_ALH, alh)) return true;
  findings.add("index_watermark", "the index belongs to another history", { txId });
  return false;
}
