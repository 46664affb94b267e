// One database as its clients know it: what they tried to write and were told, what they read and when. From time to time
// the whole ledger is read back, and everything is judged by it:
//
//   acknowledged   it is there, once, whole, as the transaction that its writer was told, hash and all
//   refused        it is not there and never will be, and there was a reason
//   unanswered     it is there once and whole, or it is not there and never will be
//   read           some state that existed while the read was under way, not older than anything seen before it, answers so
//   truncated      only values older than the retention period of the database, from the oldest on, and for good
//
// Every value names the attempt that wrote it, so that each transaction can be traced to its writer.

import { equalBytes } from "../../src/base/bytes.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh } from "../../src/proof/tx-header.ts";
import { digestOfWrites } from "./digests.ts";
import { answerOf, type Question, unreadable, type Version, type View } from "./reference.ts";
import type { SimulatedClock } from "./weather.ts";

export interface Write extends Omit<Version, "txId"> {
  readonly key: string;
}

export type Condition =
  /** What a deletion demands of each of its keys. */
  | { readonly kind: "readable"; readonly key: string }
  | { readonly kind: "must_exist" | "must_not_exist"; readonly key: string }
  | { readonly kind: "not_modified_after"; readonly key: string; readonly txId: bigint };

export type Outcome =
  | { readonly kind: "unanswered" }
  | { readonly kind: "acknowledged"; readonly header: TxHeader }
  /** `text`: the reason given; undefined when the disk was the reason. */
  | { readonly kind: "refused"; readonly text: string | undefined };

/** One transaction that a client tried to write. */
export interface Attempt {
  readonly id: number;
  readonly writes: readonly Write[];
  /** What the transaction must commit to (digests.ts). */
  readonly digest: string;
  readonly conditions: readonly Condition[];
  readonly begun: Moment;
  /** When it was answered. */
  ended: Moment | undefined;
  outcome: Outcome;
}

/** A moment: what everybody had seen by then, and the time. */
export interface Moment {
  readonly floor: bigint;
  /** Unix seconds. */
  readonly now: bigint;
  /** How much of the clock's record of jumps was there. */
  readonly jumps: number;
}

/** A transaction as read back. */
export interface StoredTx {
  readonly header: TxHeader;
  /** What it commits to (digests.ts). */
  readonly digest: string;
}

/** A whole ledger as read back. */
export interface StoredLedger {
  readonly txs: readonly StoredTx[];
  /** The first transaction whose values are not truncated. */
  readonly truncatedBefore: bigint;
}

interface Read {
  readonly question: Question;
  readonly begun: Moment;
  readonly ended: Moment;
  /** undefined: it was answered that the data is damaged. */
  readonly answer: string | undefined;
  readonly damaged: ReadonlySet<bigint>;
}

export class Ledger {
  readonly #retentionMs: number;
  /** Transactions as they were read back last, and what each wrote. */
  #stored: StoredTx[] = [];
  readonly #writes: (readonly Write[])[] = [];
  #truncatedBefore = 1n;
  readonly #clock: SimulatedClock;
  #floor = 0n;
  readonly #acknowledged = new Map<bigint, Attempt>();
  /** Attempts that are not settled by a reading back yet, by id. */
  readonly #open = new Map<number, Attempt>();
  #reads: Read[] = [];
  readonly #versions = new Map<string, Version[]>();

  /** `retentionMs`: how long values are kept at least; Infinity: for ever. */
  constructor(retentionMs: number, clock: SimulatedClock) {
    this.#retentionMs = retentionMs;
    this.#clock = clock;
  }

  /** The last transaction that anybody has seen. */
  get floor(): bigint {
    return this.#floor;
  }

  /** The first transaction whose values were not truncated when the ledger was read back. */
  get truncatedBefore(): bigint {
    return this.#truncatedBefore;
  }

  get stored(): readonly StoredTx[] {
    return this.#stored;
  }

  /** Whether everything that was ever written here is known to be there, and nothing else. */
  get isSettled(): boolean {
    return this.#open.size === 0 && this.#floor === BigInt(this.#stored.length);
  }

  moment(): Moment {
    return { floor: this.#floor, now: this.#clock.now(), jumps: this.#clock.jumps.length };
  }

  begin(id: number, writes: readonly Write[], conditions: readonly Condition[]): Attempt {
    const attempt: Attempt = {
      id,
      writes,
      digest: digestOfWrites(writes),
      conditions,
      begun: this.moment(),
      ended: undefined,
      outcome: { kind: "unanswered" },
    };
    this.#open.set(id, attempt);
    return attempt;
  }

  /** Returns what is wrong with the acknowledgement, if anything. */
  acknowledge(attempt: Attempt, header: TxHeader): string | undefined {
    const other = this.#acknowledged.get(header.id) ?? this.#stored[Number(header.id) - 1];
    attempt.outcome = { kind: "acknowledged", header };
    attempt.ended = this.moment();
    this.#acknowledged.set(header.id, attempt);
    this.saw(header.id);
    return other === undefined ? undefined : `attempt ${attempt.id} was acknowledged as ${header.id}, which is taken`;
  }

  refuse(attempt: Attempt, text: string | undefined): void {
    attempt.outcome = { kind: "refused", text };
    attempt.ended = this.moment();
  }

  saw(txId: bigint): void {
    if (txId > this.#floor) this.#floor = txId;
  }

  read(read: Read): void {
    this.#reads.push(read);
  }

  /** How the ledger may look as of a transaction: with fewer or more of its old values. */
  views(now: bigint, last: bigint = BigInt(this.#stored.length)): View[] {
    const from = this.#truncatedBefore;
    const mostTruncated = this.#mostTruncatedBefore();
    const views = [this.#view(now, last, from)];
    for (let before = from + 1n; before <= mostTruncated; before++) views.push(this.#view(now, last, before));
    return views;
  }

  /** Keys that were ever written, in order. */
  get keys(): readonly string[] {
    return [...this.#versions.keys()].sort();
  }

  /** Judges everything by the whole ledger, read back while nobody writes. One sentence for each thing that is wrong. */
  judge({ txs, truncatedBefore }: StoredLedger): string[] {
    const findings: string[] = [];
    this.#stored.forEach(({ header }, i) => {
      const now = txs[i]?.header;
      if (now === undefined) findings.push(`transaction ${header.id} is lost: the ledger ends at ${txs.length}`);
      else if (!equalBytes(alh(now), alh(header))) findings.push(`transaction ${header.id} is another one now`);
    });
    if (BigInt(txs.length) < this.#floor) {
      findings.push(`transaction ${this.#floor} was seen, and the ledger ends at ${txs.length}`);
    }
    const known = this.#stored.length;
    this.#stored = [...txs];
    for (const tx of txs.slice(known)) this.#settle(tx, findings);
    for (const attempt of this.#open.values()) this.#dismiss(attempt, findings);
    this.#open.clear();
    for (const read of this.#reads.splice(0)) this.#judgeRead(read, findings);
    if (truncatedBefore < this.#truncatedBefore || truncatedBefore > this.#mostTruncatedBefore())
      findings.push(
        `values before transaction ${truncatedBefore} are truncated, before ${this.#truncatedBefore} they were`,
      );
    this.#truncatedBefore = truncatedBefore;
    return findings;
  }

  #view(now: bigint, last: bigint, truncatedBefore: bigint): View {
    const versions = (key: string): readonly Version[] =>
      (this.#versions.get(key) ?? []).filter((version) => version.txId <= last);
    return {
      last,
      now,
      truncatedBefore,
      versions,
      keys: this.keys.filter((key) => versions(key).length > 0),
      at: (txId, key) => {
        const written = this.#writes[Number(txId) - 1]?.find((write) => write.key === key);
        return written && { ...written, txId };
      },
    };
  }

  /** The first transaction that is too young to be truncated; the last one never is. */
  #mostTruncatedBefore(): bigint {
    const youngMs = this.#clock.latestMs - this.#retentionMs;
    const young = this.#stored.findIndex(({ header }) => Number(header.ts) * 1000 >= youngMs);
    return BigInt(Math.max(1, young < 0 ? this.#stored.length : young + 1));
  }

  /** A transaction that was not there at the last reading back. */
  #settle(tx: StoredTx, findings: string[]): void {
    const { id } = tx.header;
    const attempt = this.#writerOf(tx);
    this.#writes.push(attempt?.writes ?? []);
    if (attempt === undefined) {
      findings.push(`transaction ${id} was written by nobody, or is there again`);
      return;
    }
    this.#open.delete(attempt.id);
    this.#judgeStored(attempt, tx, findings);
    for (const write of attempt.writes) {
      if (write.nonIndexable) continue;
      const versions = this.#versions.get(write.key);
      if (versions === undefined) this.#versions.set(write.key, [{ ...write, txId: id }]);
      else versions.push({ ...write, txId: id });
    }
  }

  /** A deletion carries no value that names its writer: any that is not answered will do. */
  #writerOf({ header, digest }: StoredTx): Attempt | undefined {
    const alike = [...this.#open.values()].filter((attempt) => attempt.digest === digest);
    return this.#acknowledged.get(header.id) ?? alike.find(({ outcome }) => outcome.kind === "unanswered") ?? alike[0];
  }

  #judgeStored(attempt: Attempt, { header, digest }: StoredTx, findings: string[]): void {
    const { id, outcome } = attempt;
    if (digest !== attempt.digest) findings.push(`attempt ${id} is there as ${header.id} in part, or otherwise`);
    if (outcome.kind === "refused") findings.push(`attempt ${id} was refused, and is there as ${header.id}`);
    if (outcome.kind === "acknowledged" && !equalBytes(alh(outcome.header), alh(header))) {
      findings.push(`attempt ${id} was acknowledged as another transaction than ${header.id}`);
    }
    if (
      this.#times(attempt.begun, attempt.ended).every(
        (now) => this.#refusal(attempt, header.id - 1n, now) !== undefined,
      )
    ) {
      findings.push(`attempt ${id} is there as ${header.id} although what it demands did not hold`);
    }
  }

  /** An attempt that is not there: it must not have been acknowledged, and if it was refused, then for a reason. */
  #dismiss(attempt: Attempt, findings: string[]): void {
    const { id, outcome, begun, ended } = attempt;
    if (outcome.kind === "acknowledged") findings.push(`attempt ${id}, acknowledged as ${outcome.header.id}, is lost`);
    if (outcome.kind !== "refused" || outcome.text === undefined) return;
    const reasons = this.#states(begun.floor).flatMap((last) =>
      this.#times(begun, ended).map((now) => this.#refusal(attempt, last, now)),
    );
    if (!reasons.includes(outcome.text)) findings.push(`attempt ${id} was refused without reason: ${outcome.text}`);
  }

  /** Why an attempt must be refused as of a transaction. */
  #refusal({ conditions }: Attempt, last: bigint, now: bigint): string | undefined {
    const view = this.#view(now, last, this.#truncatedBefore);
    for (const condition of conditions) {
      const version = view.versions(condition.key).at(-1);
      const reason = unreadable(version, now);
      if (condition.kind === "readable" && reason !== undefined) return reason;
      if (condition.kind === "must_exist" && reason !== undefined) return "precondition failed: KeyMustExist";
      if (condition.kind === "must_not_exist" && reason === undefined) return "precondition failed: KeyMustNotExist";
      if (condition.kind === "not_modified_after" && (version?.txId ?? 0n) > condition.txId)
        return "precondition failed: KeyNotModifiedAfterTxID";
    }
    return undefined;
  }

  #judgeRead({ question, begun, ended, answer, damaged }: Read, findings: string[]): void {
    const possible = new Set<string>();
    for (const last of this.#states(begun.floor)) {
      for (const view of this.#times(begun, ended).flatMap((now) => this.views(now, last))) {
        const { text, read } = answerOf(question, view);
        if (answer === undefined ? read.some((txId) => damaged.has(txId)) : text === answer) return;
        possible.add(text);
      }
    }
    const asked = `${JSON.stringify(question, printable)}, asked when transaction ${begun.floor} had been seen,`;
    const given = answer ?? "that the data is damaged";
    findings.push(`${asked} was answered ${given}; right would be ${[...possible].join(" or ")}`);
  }

  /** What the clock said between two moments: it jumps, and otherwise goes on a little. */
  #times(begun: Moment, ended: Moment = this.moment()): bigint[] {
    return [...new Set([begun.now, ...this.#clock.jumps.slice(begun.jumps, ended.jumps), ended.now])];
  }

  /** The states that a call may have seen which began when `floor` had been seen. */
  #states(floor: bigint): bigint[] {
    return Array.from({ length: this.#stored.length - Number(floor) + 1 }, (_, i) => floor + BigInt(i));
  }
}

/** A value that names its attempt. */
export function valueFor(attempt: number, entry: number, length: number): string {
  return `${attempt}.${entry}.`.padEnd(length, "~");
}

/** For JSON.stringify: it does not know bigint. */
export function printable(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
