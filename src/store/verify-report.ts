// What a verification says: how far it came, what it covered and what not, and everything that is not what was written.

import { toHex } from "../base/bytes.ts";
import { RoomError } from "../base/errors.ts";
import { FINDINGS_MAX } from "../base/limits.ts";

/** What is wrong, by the part of the store that it is found in. */
export type FindingClass =
  /** A page of an environment's file, or what its counts say. */
  | "page"
  /** The engine could not read an environment. */
  | "engine"
  /** The environment of the log is not there. */
  | "log"
  /** Rows about the log as a whole. */
  | "format"
  | "committed"
  | "truncated"
  /** A row that belongs to nothing. */
  | "row"
  /** A transaction that is not there. */
  | "transaction"
  /** A transaction's record that is not one, or whose checksum fails though all that it says holds. */
  | "record"
  | "header"
  | "alh"
  /** The transaction does not continue the one before it, or commits to another history. */
  | "chain"
  /** A node of the history tree. */
  | "node"
  /** A state that is known from elsewhere is not part of this history. */
  | "state"
  /** An entry, or all entries of a transaction: they do not hash to what the header says. */
  | "entry"
  /** Kept nodes of the tree over the entries of a transaction. */
  | "tree"
  | "value"
  /** The file of a value segment. */
  | "segment"
  | "index_latest"
  | "index_history"
  | "index_watermark"
  /** What a server keeps beside its databases. */
  | "catalog"
  | "credentials"
  | "identity";

export interface Finding {
  readonly class: FindingClass;
  readonly txId?: bigint | undefined;
  /** Store key (prefix byte included) in hexadecimal digits. */
  readonly key?: string | undefined;
  /** One sentence; never stored bytes. */
  readonly what: string;
}

/** How much was read and found to be what was written, or named in a finding. */
export interface Coverage {
  pages: number;
  transactions: number;
  entries: number;
  values: number;
  valueBytes: number;
  treeNodes: number;
  latestRows: number;
  historyRows: number;
}

export interface VerifyReport {
  readonly database: string;
  /** The last transaction that was verified and its Alh: the history up to it. */
  readonly txId: bigint;
  readonly alh: Uint8Array;
  readonly covered: Readonly<Coverage>;
  /** What was not looked at and why, a sentence each. */
  readonly notCovered: readonly string[];
  /** The first of the findings. */
  readonly findings: readonly Finding[];
  /** All of them. */
  readonly findingCount: number;
}

/** Collects while a verification runs. */
export class Findings {
  readonly covered: Coverage = {
    pages: 0,
    transactions: 0,
    entries: 0,
    values: 0,
    valueBytes: 0,
    treeNodes: 0,
    latestRows: 0,
    historyRows: 0,
  };
  readonly notCovered: string[] = [];
  readonly list: Finding[] = [];
  count = 0;
  readonly #onFinding: ((finding: Finding) => void) | undefined;

  /** `onFinding` is told of each one that is listed, at once. */
  constructor(onFinding?: (finding: Finding) => void) {
    this.#onFinding = onFinding;
  }

  add(kind: FindingClass, what: string, where: { readonly txId?: bigint; readonly key?: Uint8Array } = {}): void {
    this.count++;
    if (this.list.length >= FINDINGS_MAX) return;
    const { txId, key } = where;
    const finding: Finding = {
      class: kind,
      ...(txId !== undefined && { txId }),
      ...(key !== undefined && { key: toHex(key) }),
      what,
    };
    this.list.push(finding);
    this.#onFinding?.(finding);
  }
}

/** Whether bytes could not be read for what they are. */
export function isMalformed(error: unknown): error is Error {
  return error instanceof RangeError || error instanceof RoomError;
}
