// What store-writer.ts said, compared with what is there: the store is opened without faults, read from end to end, and
//
//   acknowledged    is there, once, as the transaction that was promised, hash and all
//   write_failed    is not there (and so for every other definite refusal)
//   outcome_unknown, or no answer: is there once and whole, or not at all
//
// Every header continues the chain and commits to the history tree before it, time never goes back, every value is the one
// that was written or was truncated on request, and the index says of every key what a replay of the log says.

import { equalBytes, toHex } from "../../src/base/bytes.ts";
import { entriesRoot } from "../../src/proof/entries-tree.ts";
import { entryDigest } from "../../src/proof/entry-digest.ts";
import { completedNodes, historyRoot, leafHash } from "../../src/proof/history-tree.ts";
import type { TxEntry, TxHeader } from "../../src/proof/model.ts";
import { alh, EMPTY_ALH } from "../../src/proof/tx-header.ts";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { Store } from "../../src/store/store.ts";
import { attemptEntries, attemptOfKey } from "./store-attempts.ts";
import { type Report, storeOptions } from "./store-writer.ts";

/** What is known of attempts after one or more runs of the writer. */
export interface Judged {
  readonly acknowledged: number;
  /** Entries in all that was acknowledged. */
  readonly entries: number;
  /** Refused for certain. */
  readonly refused: number;
  readonly unknown: number;
  /** Of those that are unknown. */
  readonly foundComplete: number;
  /** Acknowledged and not there. */
  readonly lost: number;
  /** How long the store took to open, in milliseconds. */
  readonly openMs: number;
  readonly findings: readonly string[];
  /** The judge's own transaction, to show that the store takes writes again: part of what the next judge must know. */
  readonly reports: readonly Report[];
}

export interface JudgedPlace {
  readonly directory: string;
  readonly valuesInSegments: boolean;
  readonly valueBytes: number;
}

type Outcome = { readonly kind: "refused" | "unknown" } | { readonly kind: "acknowledged"; readonly alh: string };

interface Attempt {
  readonly entries: number;
  outcome: Outcome;
}

/** Refusals after which nobody knows. */
const UNDECIDED = new Set(["outcome_unknown"]);

/** Opens the store, reads everything, and judges the reports of all runs on it so far. Rejects when it cannot be opened. */
export async function judgeStore(place: JudgedPlace, reports: readonly Report[]): Promise<Judged> {
  const began = performance.now();
  const store = await Store.open(storeOptions(place.directory, place.valuesInSegments, lmdbDriver));
  const openMs = performance.now() - began;
  try {
    const judge = new Judge(place, reports, store);
    judge.readLog();
    judge.checkIndex();
    const judged = judge.judged();
    return { ...judged, openMs, reports: await writeOne(store, place, reports) };
  } finally {
    await store.close();
  }
}

class Judge {
  readonly #place: JudgedPlace;
  readonly #store: Store;
  readonly #attempts: Map<number, Attempt>;
  readonly #found = new Map<number, TxHeader>();
  /** The transactions that wrote a store key, oldest first. */
  readonly #versions = new Map<string, bigint[]>();
  readonly #findings: string[] = [];
  /** Truncation before this transaction was asked for; 0: never. */
  readonly #truncatable: bigint;

  constructor(place: JudgedPlace, reports: readonly Report[], store: Store) {
    this.#place = place;
    this.#store = store;
    this.#attempts = attemptsOf(reports);
    const asked = reports.flatMap((report) => (report.say === "truncating" ? [BigInt(report.tx)] : []));
    this.#truncatable = asked.sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
    for (const report of reports) {
      if (report.say === "wrong") this.#findings.push(`while it ran: ${report.what}`);
      if (report.say === "truncated" && store.truncatedBefore < BigInt(report.tx))
        this.#findings.push(`truncated before ${report.tx}, now before ${store.truncatedBefore}`);
    }
  }

  readLog(): void {
    const nodes = new Map<string, Uint8Array>();
    const read = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array;
    let last = { alh: EMPTY_ALH, ts: 0n };
    for (let txId = 1n; txId <= this.#store.committed.txId; txId++) {
      const record = this.#store.log.checkedRecord(txId);
      const { header } = record;
      const size = Number(header.blTxId);
      const fits =
        equalBytes(header.prevAlh, last.alh) && (size === 0 || equalBytes(historyRoot(size, read), header.blRoot));
      if (!fits || header.blTxId !== txId - 1n)
        this.#findings.push(`transaction ${txId} does not continue the chain before it`);
      if (header.ts < last.ts) this.#findings.push(`the time of transaction ${txId} lies before the last one's`);
      last = { alh: alh(header), ts: header.ts };
      const leaf = leafHash(last.alh);
      completedNodes(Number(txId), leaf, read).forEach((node, level) => {
        nodes.set(`${level}/${Number(txId) / 2 ** level - 1}`, node);
      });
      this.#trace(header, this.#store.log.entries(txId, record));
    }
    if (!equalBytes(this.#store.committed.alh, last.alh)) this.#findings.push("the state is not the last transaction");
  }

  /** The transaction of an attempt, whole. */
  #trace(header: TxHeader, entries: readonly TxEntry[]): void {
    const { id } = header;
    if (!equalBytes(entriesRoot(entries.map((entry) => entryDigest(entry, header.version))), header.eh))
      this.#findings.push(`the entries of transaction ${id} are not those of its header`);
    const number = attemptOfKey(entries[0]?.key ?? new Uint8Array(0));
    const attempt = number === undefined ? undefined : this.#attempts.get(number);
    if (number === undefined || attempt === undefined) {
      this.#findings.push(`transaction ${id} was written by nobody`);
      return;
    }
    if (this.#found.has(number)) this.#findings.push(`attempt ${number} is there twice`);
    this.#found.set(number, header);
    const expected = attemptEntries(number, attempt.entries, this.#place.valueBytes);
    if (entries.length !== expected.length) this.#findings.push(`attempt ${number} is there in part`);
    entries.forEach((entry, i) => {
      const name = toHex(entry.key);
      const versions = this.#versions.get(name);
      if (versions === undefined) this.#versions.set(name, [id]);
      else versions.push(id);
      const wanted = expected[i];
      if (
        wanted === undefined ||
        !equalBytes(wanted.key, entry.key) ||
        !this.#hasValue(id, i, wanted.value as Uint8Array)
      )
        this.#findings.push(`attempt ${number} has not its entry ${i}`);
    });
  }

  #hasValue(txId: bigint, index: number, value: Uint8Array): boolean {
    if (txId < this.#store.truncatedBefore) return txId < this.#truncatable;
    return equalBytes(this.#store.log.value(txId, index), value);
  }

  checkIndex(): void {
    let keys = 0;
    for (const { key, version } of this.#store.scan({ from: undefined, to: undefined, reverse: false })) {
      keys++;
      const versions = this.#versions.get(toHex(key)) ?? [];
      const revision = BigInt(versions.length);
      const history = this.#store.revisions(key, 1n, revision, false).map(({ txId }) => txId);
      if (version.txId !== versions.at(-1) || version.revision !== revision || String(history) !== String(versions))
        this.#findings.push(`the index says of ${toHex(key)} something else than the log`);
    }
    if (keys !== this.#versions.size) this.#findings.push(`the index has ${keys} keys, the log ${this.#versions.size}`);
  }

  judged(): Omit<Judged, "openMs" | "reports"> {
    const counts = { acknowledged: 0, entries: 0, refused: 0, unknown: 0, foundComplete: 0, lost: 0 };
    for (const [number, { outcome, entries }] of this.#attempts) {
      const header = this.#found.get(number);
      counts[outcome.kind]++;
      if (outcome.kind === "unknown" && header !== undefined) counts.foundComplete++;
      if (outcome.kind === "refused" && header !== undefined)
        this.#findings.push(`attempt ${number} was refused, and is transaction ${header.id}`);
      if (outcome.kind !== "acknowledged") continue;
      counts.entries += entries;
      if (header === undefined) {
        counts.lost++;
        this.#findings.push(`attempt ${number} was acknowledged, and is lost`);
      } else if (toHex(alh(header)) !== outcome.alh) {
        counts.lost++;
        this.#findings.push(`attempt ${number} was acknowledged, and transaction ${header.id} is another now`);
      }
    }
    return { ...counts, findings: this.#findings };
  }
}

/** A transaction after everything was judged. Rejects when it is not taken. */
async function writeOne(store: Store, { valueBytes }: JudgedPlace, before: readonly Report[]): Promise<Report[]> {
  const attempt = nextAttempt(before);
  const entries = attemptEntries(attempt, 1, valueBytes);
  const header = await store.commit({ entries, preconditions: [], metadata: undefined });
  return [
    { say: "sent", attempt, entries: 1 },
    { say: "acknowledged", attempt, tx: String(header.id), alh: toHex(alh(header)) },
  ];
}

/** Number of the first attempt that nobody has made. */
export function nextAttempt(reports: readonly Report[]): number {
  return reports.reduce((next, report) => (report.say === "sent" ? Math.max(next, report.attempt + 1) : next), 1);
}

function attemptsOf(reports: readonly Report[]): Map<number, Attempt> {
  const attempts = new Map<number, Attempt>();
  for (const report of reports) {
    if (report.say === "sent") {
      attempts.set(report.attempt, { entries: report.entries, outcome: { kind: "unknown" } });
    } else if (report.say === "acknowledged") {
      (attempts.get(report.attempt) as Attempt).outcome = { kind: "acknowledged", alh: report.alh };
    } else if (report.say === "failed" && !UNDECIDED.has(report.code)) {
      (attempts.get(report.attempt) as Attempt).outcome = { kind: "refused" };
    }
  }
  return attempts;
}
