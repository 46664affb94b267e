// What clients tried to write, and the judgement of what a server holds after it was killed. No server here: it is handed
// the transactions that were read back, and says what is wrong with them.
//
//   acknowledged   it is there, once, as the transaction that the client was told, hash and all
//   refused        it is not there, and there was a reason
//   unanswered     it is there once and whole, or not at all: the kill decided, nobody was told
//
// Every value names the attempt that wrote it, so that each transaction can be traced to its writer, and an entry that came
// loose from its transaction is noticed.

import { equalBytes } from "../../src/base/bytes.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh, EMPTY_ALH } from "../../src/proof/tx-header.ts";

export interface Pair {
  readonly key: string;
  readonly value: string;
}

export type Condition =
  | { readonly kind: "key_must_exist" | "key_must_not_exist"; readonly key: string }
  | { readonly kind: "key_not_modified_after_tx"; readonly key: string; readonly txId: bigint };

export type Outcome =
  /** Sent, no answer yet: what a kill turns into "unanswered". */
  | { readonly kind: "unanswered" }
  | { readonly kind: "acknowledged"; readonly header: TxHeader }
  | { readonly kind: "refused" };

/** One transaction that a client tried to write. */
export interface Attempt {
  /** Counts from 1 in the order in which attempts began. */
  readonly id: number;
  /** A client has one attempt under way at a time. */
  readonly client: number;
  readonly pairs: readonly Pair[];
  readonly condition: Condition | undefined;
  outcome: Outcome;
}

/** A transaction as read back. */
export interface StoredTx {
  readonly header: TxHeader;
  readonly pairs: readonly Pair[];
}

/** One version of a key, as the transactions say. */
export interface Version {
  readonly txId: bigint;
  readonly value: string;
}

export interface Judgement {
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  /** Unanswered ones that are there. */
  readonly foundComplete: number;
  /** Entries in all that was acknowledged. */
  readonly entries: number;
  /** One sentence each; none: everything is as promised. */
  readonly findings: readonly string[];
}

/** A value that names its attempt; `length` at least that of the name. */
export function valueFor(attempt: number, entry: number, length: number): string {
  return `attempt ${attempt} entry ${entry} `.padEnd(length, "immutable ");
}

function attemptOf(value: string): number {
  return Number(/^attempt (\d+) /.exec(value)?.[1] ?? Number.NaN);
}

/** Everything that the server has said so far. Judges round after round; what was judged stays. */
export class Model {
  readonly #versions = new Map<string, Version[]>();
  #last: { readonly txId: bigint; readonly alh: Uint8Array } = { txId: 0n, alh: EMPTY_ALH };

  /** Last transaction that was judged. */
  get lastTxId(): bigint {
    return this.#last.txId;
  }

  get lastAlh(): Uint8Array {
    return this.#last.alh;
  }

  get keyCount(): number {
    return this.#versions.size;
  }

  keys(): IterableIterator<string> {
    return this.#versions.keys();
  }

  /** All versions of a key, oldest first. */
  versions(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  /** Judges the attempts made since the last judgement by all transactions that came since then. */
  judge(attempts: readonly Attempt[], stored: readonly StoredTx[]): Judgement {
    const findings: string[] = [];
    const held = heldConditions(attempts, (key) => this.#versions.has(key));
    const open = new Map(attempts.map((attempt) => [attempt.id, attempt]));
    const found = new Map<number, TxHeader>();
    for (const tx of stored) {
      this.#follow(tx.header, findings);
      const attempt = this.#trace(tx, open, found, findings);
      if (attempt !== undefined) this.#checkCondition(attempt, tx.header.id, findings);
      for (const { key, value } of tx.pairs) this.#add(key, { txId: tx.header.id, value });
    }
    for (const attempt of attempts) this.#checkOutcome(attempt, found.get(attempt.id), held, findings);
    const unanswered = attempts.filter(({ outcome }) => outcome.kind === "unanswered");
    const acknowledged = attempts.filter(({ outcome }) => outcome.kind === "acknowledged");
    return {
      acknowledged: acknowledged.length,
      refused: attempts.length - acknowledged.length - unanswered.length,
      unanswered: unanswered.length,
      foundComplete: unanswered.filter(({ id }) => found.has(id)).length,
      entries: acknowledged.reduce((sum, { pairs }) => sum + pairs.length, 0),
      findings,
    };
  }

  /** Ids without gaps, each header naming the one before it. */
  #follow(header: TxHeader, findings: string[]): void {
    if (header.id !== this.#last.txId + 1n) findings.push(`transaction ${header.id} follows ${this.#last.txId}`);
    if (!equalBytes(header.prevAlh, this.#last.alh)) {
      findings.push(`transaction ${header.id} does not continue the chain before it`);
    }
    this.#last = { txId: header.id, alh: alh(header) };
  }

  #trace(
    { header, pairs }: StoredTx,
    open: ReadonlyMap<number, Attempt>,
    found: Map<number, TxHeader>,
    findings: string[],
  ): Attempt | undefined {
    const attempt = open.get(attemptOf(pairs[0]?.value ?? ""));
    if (attempt === undefined) {
      findings.push(`transaction ${header.id} was written by nobody`);
      return undefined;
    }
    if (found.has(attempt.id)) {
      findings.push(`attempt ${attempt.id} is there twice: ${found.get(attempt.id)?.id} and ${header.id}`);
    }
    found.set(attempt.id, header);
    if (!samePairs(attempt.pairs, pairs)) {
      findings.push(
        `attempt ${attempt.id} is there in part: ${pairs.length} of ${attempt.pairs.length} entries in transaction ${header.id}, or others`,
      );
    }
    return attempt;
  }

  /** What the writer demanded must have held just before its transaction. */
  #checkCondition({ id, condition }: Attempt, txId: bigint, findings: string[]): void {
    if (condition === undefined || this.#holds(condition)) return;
    findings.push(`attempt ${id} was committed as ${txId} although ${condition.kind} of ${condition.key} did not hold`);
  }

  #holds(condition: Condition): boolean {
    const latest = this.versions(condition.key).at(-1);
    switch (condition.kind) {
      case "key_must_exist":
        return latest !== undefined;
      case "key_must_not_exist":
        return latest === undefined;
      case "key_not_modified_after_tx":
        return latest === undefined || latest.txId <= condition.txId;
    }
  }

  #checkOutcome(attempt: Attempt, found: TxHeader | undefined, held: ReadonlySet<number>, findings: string[]): void {
    const { id, outcome, condition } = attempt;
    if (outcome.kind === "acknowledged") {
      if (found === undefined) findings.push(`attempt ${id}, acknowledged as ${outcome.header.id}, is lost`);
      else if (!equalBytes(alh(found), alh(outcome.header))) {
        findings.push(
          `attempt ${id}, acknowledged as ${outcome.header.id}, is now transaction ${found.id} with another hash`,
        );
      }
    }
    if (outcome.kind !== "refused") return;
    if (found !== undefined) findings.push(`attempt ${id} was refused, and committed as ${found.id}`);
    if (condition === undefined) findings.push(`attempt ${id} was refused although it demanded nothing`);
    // Keys are never deleted here, so the reason for a refusal is still there, unless a write that never became durable was it.
    else if (condition.kind === "key_must_exist" ? held.has(id) : this.#holds(condition)) {
      findings.push(`attempt ${id} was refused although ${condition.kind} of ${condition.key} held`);
    }
  }

  #add(key: string, version: Version): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [version]);
    else versions.push(version);
  }
}

function samePairs(a: readonly Pair[], b: readonly Pair[]): boolean {
  return a.length === b.length && a.every(({ key, value }, i) => key === b[i]?.key && value === b[i]?.value);
}

/** Attempts that demanded a key which was there before, or which the same client had an acknowledgement for. */
function heldConditions(attempts: readonly Attempt[], wasThere: (key: string) => boolean): ReadonlySet<number> {
  const written = new Map<number, Set<string>>();
  const held = new Set<number>();
  for (const { id, client, condition, outcome, pairs } of attempts) {
    const own = written.get(client) ?? new Set();
    written.set(client, own);
    if (condition?.kind === "key_must_exist" && (own.has(condition.key) || wasThere(condition.key))) held.add(id);
    if (outcome.kind === "acknowledged") for (const { key } of pairs) own.add(key);
  }
  return held;
}
