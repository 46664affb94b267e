// Verification of a database in its directory: opens what is there for reading alone, and reports what could not be opened as
// well. Damage may end the process: whoever must go on runs this in a child.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../base/random.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import type { StorePoint } from "./commit-state.ts";
import type { Engine, EngineDriver } from "./engine.ts";
import { StoreError } from "./errors.ts";
import { HISTORY_TABLE, LATEST_TABLE, LOG_TABLE, META_TABLE } from "./layout.ts";
import { lastEnd } from "./open-marker.ts";
import { logTables } from "./tx-log.ts";
import { verifyStore } from "./verify.ts";
import type { Pace } from "./verify-pace.ts";
import { walkPages } from "./verify-pages.ts";
import type { Findings, VerifyReport } from "./verify-report.ts";
import { SegmentReader, segmentsOnDisk } from "./verify-segments.ts";

export interface VerifyJob {
  readonly database: string;
  readonly directory: string;
  /** Whether a server has the database open. Otherwise nobody may, as long as this runs. */
  readonly live: boolean;
  readonly known: readonly StorePoint[];
  /** How many transactions it is known to have had at some time. */
  readonly hadTransactions: bigint;
}

export interface VerifyParts {
  readonly driver: EngineDriver;
  readonly random: Random;
  readonly findings: Findings;
  readonly pace: Pace;
}

const DATA_FILE = "data.mdb";
const LOG_TABLES = [LOG_TABLE, META_TABLE];
const INDEX_TABLES = [LATEST_TABLE, HISTORY_TABLE, META_TABLE];
const LIVE_ATTEMPTS = 20;
const LIVE_PAUSE_MS = 100;

/** Verifies a database on disk. */
export async function verifyDatabase(job: VerifyJob, parts: VerifyParts): Promise<VerifyReport> {
  const { findings } = parts;
  const end = await verifyFiles(job, parts);
  return {
    database: job.database,
    ...(end ?? { txId: 0n, alh: ZERO_DIGEST }),
    covered: findings.covered,
    notCovered: findings.notCovered,
    findings: findings.list,
    findingCount: findings.count,
  };
}

async function verifyFiles(job: VerifyJob, parts: VerifyParts): Promise<StorePoint | undefined> {
  const { findings, random, pace } = parts;
  const { database, directory, live, known, hadTransactions } = job;
  if (live) findings.notCovered.push("the pages of the files as such: they are walked while no server runs");
  const log = await openLog(job, parts);
  if (log === undefined) return undefined;
  await using _log = disposable(log);
  const index = (await indexIsLeft(job, parts)) ? undefined : await open(job, parts, "index", INDEX_TABLES);
  await using _index = disposable(index);
  const segments = new SegmentReader(database, segmentsOnDisk(directory));
  using _segments = { [Symbol.dispose]: () => segments.close() };
  try {
    const source = { log: logTables(log), index: index && indexTables(index), segments };
    return await verifyStore(source, { live, known, hadTransactions, random }, findings, pace);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    findings.add("engine", `the engine could not read on: ${error.message}`);
    findings.notCovered.push("everything after what the engine could not read");
    return undefined;
  }
}

/** A truncation puts another log in the place of the one that is there: for a moment, or after a crash, it has another name. */
async function openLog(job: VerifyJob, parts: VerifyParts): Promise<Engine | undefined> {
  const { directory, live } = job;
  const { driver, findings } = parts;
  const exists = (name: string): Promise<boolean> => driver.exists(join(directory, name));
  for (let left = live ? LIVE_ATTEMPTS : 0; left > 0 && !(await exists("log")); left--) await sleep(LIVE_PAUSE_MS);
  const interrupted = !live && (await exists("log-old"));
  if (interrupted) findings.notCovered.push("what an interrupted truncation left: the next start finishes it");
  const name = interrupted && !(await exists("log")) ? "log-old" : "log";
  if (await exists(name)) return open(job, parts, name, LOG_TABLES);
  findings.add("log", "there is no log: the files of the database are gone, or it has never been open");
  return undefined;
}

/** Whether the next start throws the index away: after the machine went down nothing in it can be relied on. */
async function indexIsLeft({ directory, live }: VerifyJob, { driver, findings }: VerifyParts): Promise<boolean> {
  if (!(await driver.exists(join(directory, "index")))) {
    findings.notCovered.push("the index: there is none, the next start builds it");
    return true;
  }
  if (live || lastEnd(directory) !== "machine_went_down") return false;
  findings.notCovered.push("the index: the machine went down while it was open, so the next start builds it anew");
  return true;
}

async function open(
  { directory, live }: VerifyJob,
  parts: VerifyParts,
  name: string,
  tables: readonly string[],
): Promise<Engine | undefined> {
  const { driver, findings } = parts;
  const environment = join(directory, name);
  if (!live && !(await walkFile(environment, name, parts))) return undefined;
  let engine: Engine | undefined;
  try {
    engine = await driver.open(environment, { durable: true, readOnly: true });
    for (const table of tables) engine.table(table);
    return engine;
  } catch (error) {
    await engine?.close();
    if (!isEngineError(error)) throw error;
    findings.add("engine", `the engine could not open ${name}: ${error.message}`);
    findings.notCovered.push(`what is in ${name}: the engine could not open it`);
    return undefined;
  }
}

/** Walks the file of an environment that nobody writes to. Returns whether the engine may open it. */
export async function walkFile(environment: string, name: string, parts: VerifyParts): Promise<boolean> {
  const { findings, pace } = parts;
  const complain = (what: string): void => findings.add("page", `${name}/${DATA_FILE}: ${what}`);
  const { pages, openable } = await walkPages(join(environment, DATA_FILE), pace, complain);
  findings.covered.pages += pages;
  await pace.rest("pages", pages, pages);
  if (!openable) findings.notCovered.push(`what is in ${name}: the engine cannot open it`);
  return openable;
}

function indexTables(engine: Engine) {
  return {
    engine,
    latest: engine.table(LATEST_TABLE),
    history: engine.table(HISTORY_TABLE),
    meta: engine.table(META_TABLE),
  };
}

function disposable(engine: Engine | undefined): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => engine?.close() };
}

/** What an engine throws that cannot read its file. LMDB's own errors have numbers for codes. */
function isEngineError(error: unknown): error is Error {
  if (error instanceof StoreError) return error.code === "damaged";
  return error instanceof Error && typeof (error as { code?: unknown }).code === "number";
}
