// One database as its clients know it: what they tried to write and were told, what they read and when. From time to time
// the whole ledger is read back, and everything is judged by it:
//
//   acknowledged   it is there, once, whole, as the transaction that its writer was told, hash and all
//   refused        it is not there and never will be, and there was a reason
//   unanswered     it is there once and whole, or it is not there and never will be
//   read           some state that existed while the read was under way, not older than anything seen before it, answers so
//
// Every value names the attempt that wrote it, so that each transaction can be traced to its writer.

import { equalBytes } from "../../src/base/bytes.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh } from "../../src/proof/tx-header.ts";
import { answerOf, type Question, unreadable, type Version, type View } from "./reference.ts";

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
  readonly conditions: readonly Condition[];
  readonly begun: Moment;
  outcome: Outcome;
  /** When it was answered. */
  endedNow: bigint;
}

/** When a call began: what everybody had seen by then, and the time. */
export interface Moment {
  readonly floor: bigint;
  /** Unix seconds. */
  readonly now: bigint;
}

/** A transaction as read back. */
export interface StoredTx {
  readonly header: TxHeader;
  readonly writes: readonly Write[];
}

interface Read {
  readonly question: Question;
  readonly begun: Moment;
  readonly endedNow: bigint;
  /** undefined: it was answered that the data is damaged. */
  readonly answer: string | undefined;
  readonly damaged: ReadonlySet<bigint>;
}

export class Ledger {
  /** Transactions as they were read back last. */
  #stored: StoredTx[] = [];
  #floor = 0n;
  readonly #acknowledged = new Map<bigint, Attempt>();
  /** Attempts that are not settled by a reading back yet, by id. */
  readonly #open = new Map<number, Attempt>();
  #reads: Read[] = [];
  readonly #versions = new Map<string, Version[]>();

  /** The last transaction that anybody has seen. */
  get floor(): bigint {
    return this.#floor;
  }

  get stored(): readonly StoredTx[] {
    return this.#stored;
  }

  /** Whether everything that was ever written here is known to be there, and nothing else. */
  get isSettled(): boolean {
    return this.#open.size === 0 && this.#floor === BigInt(this.#stored.length);
  }

  begin(id: number, writes: readonly Write[], conditions: readonly Condition[], now: bigint): Attempt {
    const begun = { floor: this.#floor, now };
    const attempt: Attempt = { id, writes, conditions, begun, outcome: { kind: "unanswered" }, endedNow: now };
    this.#open.set(id, attempt);
    return attempt;
  }

  /** Returns what is wrong with the acknowledgement, if anything. */
  acknowledge(attempt: Attempt, header: TxHeader, now: bigint): string | undefined {
    const other = this.#acknowledged.get(header.id) ?? this.#stored[Number(header.id) - 1];
    attempt.outcome = { kind: "acknowledged", header };
    attempt.endedNow = now;
    this.#acknowledged.set(header.id, attempt);
    this.saw(header.id);
    return other === undefined ? undefined : `attempt ${attempt.id} was acknowledged as ${header.id}, which is taken`;
  }

  refuse(attempt: Attempt, text: string | undefined, now: bigint): void {
    attempt.outcome = { kind: "refused", text };
    attempt.endedNow = now;
  }

  saw(txId: bigint): void {
    if (txId > this.#floor) this.#floor = txId;
  }

  read(read: Read): void {
    this.#reads.push(read);
  }

  /** The ledger as read back, as of now. */
  view(now: bigint, last: bigint = BigInt(this.#stored.length)): View {
    const versions = (key: string): readonly Version[] =>
      (this.#versions.get(key) ?? []).filter((version) => version.txId <= last);
    return {
      last,
      now,
      versions,
      keys: [...this.#versions.keys()].filter((key) => versions(key).length > 0).sort(),
      at: (txId, key) => {
        const written = this.#stored[Number(txId) - 1]?.writes.find((write) => write.key === key);
        return written && { ...written, txId };
      },
    };
  }

  /** Judges everything by the whole ledger, read back while nobody writes. One sentence for each thing that is wrong. */
  judge(stored: readonly StoredTx[]): string[] {
    const findings: string[] = [];
    this.#stored.forEach(({ header }, i) => {
      const now = stored[i]?.header;
      if (now === undefined) findings.push(`transaction ${header.id} is lost: the ledger ends at ${stored.length}`);
      else if (!equalBytes(alh(now), alh(header))) findings.push(`transaction ${header.id} is another one now`);
    });
    if (BigInt(stored.length) < this.#floor) {
      findings.push(`transaction ${this.#floor} was seen, and the ledger ends at ${stored.length}`);
    }
    for (const tx of stored.slice(this.#stored.length)) this.#settle(tx, findings);
    this.#stored = [...stored];
    for (const attempt of this.#open.values()) this.#dismiss(attempt, findings);
    this.#open.clear();
    for (const read of this.#reads.splice(0)) this.#judgeRead(read, findings);
    return findings;
  }

  /** A transaction that was not there at the last reading back. */
  #settle(tx: StoredTx, findings: string[]): void {
    const { id } = tx.header;
    const attempt = this.#writerOf(tx);
    if (attempt === undefined) {
      findings.push(`transaction ${id} was written by nobody, or is there again: ${describe(tx.writes)}`);
    } else {
      this.#open.delete(attempt.id);
      this.#judgeStored(attempt, tx, findings);
    }
    for (const write of tx.writes) {
      if (write.nonIndexable) continue;
      const versions = this.#versions.get(write.key);
      if (versions === undefined) this.#versions.set(write.key, [{ ...write, txId: id }]);
      else versions.push({ ...write, txId: id });
    }
  }

  #writerOf({ header, writes }: StoredTx): Attempt | undefined {
    const acknowledged = this.#acknowledged.get(header.id);
    if (acknowledged !== undefined) return acknowledged;
    const tagged = writes.find(({ value }) => value !== "");
    if (tagged !== undefined) return this.#open.get(attemptOf(tagged.value));
    // A deletion carries no value that names its writer: any that is still open will do.
    const text = describe(writes);
    return [...this.#open.values()].find(
      ({ outcome, writes: wanted }) => outcome.kind === "unanswered" && describe(wanted) === text,
    );
  }

  #judgeStored(attempt: Attempt, { header, writes }: StoredTx, findings: string[]): void {
    const { id, outcome } = attempt;
    if (describe(writes) !== describe(attempt.writes)) {
      findings.push(`attempt ${id} is there as ${header.id} in part, or otherwise: ${describe(writes)}`);
    }
    if (outcome.kind === "refused") findings.push(`attempt ${id} was refused, and is there as ${header.id}`);
    if (outcome.kind === "acknowledged" && !equalBytes(alh(outcome.header), alh(header))) {
      findings.push(`attempt ${id} was acknowledged as another transaction than ${header.id}`);
    }
    const moments = [attempt.begun.now, attempt.endedNow, header.ts];
    if (moments.every((now) => this.#refusal(attempt, header.id - 1n, now) !== undefined)) {
      findings.push(`attempt ${id} is there as ${header.id} although what it demands did not hold`);
    }
  }

  /** An attempt that is not there: it must not have been acknowledged, and if it was refused, then for a reason. */
  #dismiss(attempt: Attempt, findings: string[]): void {
    const { id, outcome, begun, endedNow } = attempt;
    if (outcome.kind === "acknowledged") findings.push(`attempt ${id}, acknowledged as ${outcome.header.id}, is lost`);
    if (outcome.kind !== "refused" || outcome.text === undefined) return;
    const reasons = this.#states(begun.floor).flatMap((last) => [
      this.#refusal(attempt, last, begun.now),
      this.#refusal(attempt, last, endedNow),
    ]);
    if (!reasons.includes(outcome.text)) findings.push(`attempt ${id} was refused without reason: ${outcome.text}`);
  }

  /** Why an attempt must be refused as of a transaction. */
  #refusal({ conditions }: Attempt, last: bigint, now: bigint): string | undefined {
    const view = this.view(now, last);
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

  #judgeRead({ question, begun, endedNow, answer, damaged }: Read, findings: string[]): void {
    const possible = new Set<string>();
    for (const last of this.#states(begun.floor)) {
      for (const now of new Set([begun.now, endedNow])) {
        const { text, read } = answerOf(question, this.view(now, last));
        if (answer === undefined ? read.some((txId) => damaged.has(txId)) : text === answer) return;
        possible.add(text);
      }
    }
    const asked = `${JSON.stringify(question, printable)}, asked when transaction ${begun.floor} had been seen,`;
    const given = answer ?? "that the data is damaged";
    findings.push(`${asked} was answered ${given}; right would be ${[...possible].join(" or ")}`);
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

function attemptOf(value: string): number {
  return Number(/^(\d+)\./.exec(value)?.[1] ?? Number.NaN);
}

/** For JSON.stringify: it does not know bigint. */
export function printable(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

export function describe(writes: readonly Write[]): string {
  return writes
    .map(({ key, value, deleted, expiresAt, nonIndexable }) =>
      [key, value, deleted && "deleted", expiresAt && `expires ${expiresAt}`, nonIndexable && "non-indexable"].join(),
    )
    .join("; ");
}
