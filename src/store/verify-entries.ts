// The entries and values of one transaction: entries hash to the root in its header, each value to the hash in its entry, and
// every value is where its entry says. Rows come in the order of the log: parts of the entries first, then values.

import { concat, equalBytes } from "../base/bytes.ts";
import { entriesRoot } from "../proof/entries-tree.ts";
import { checkEntryVersion, entryDigest } from "../proof/entry-digest.ts";
import type { TxEntry, TxHeader } from "../proof/model.ts";
import { sha256 } from "../proof/sha256.ts";
import { entriesKey, PART_ENTRIES, VALUE_PIECE_BYTES_MAX, valueKey } from "./layout.ts";
import { decodeEntriesPart, type StoredEntry } from "./records.ts";
import { type Findings, isMalformed } from "./verify-report.ts";
import type { SegmentReader } from "./verify-segments.ts";

export interface EntriesSource {
  /** The row of this key, which is the next one that belongs to the transaction; undefined when it is not there. */
  readonly take: (key: Uint8Array) => Uint8Array | undefined;
  readonly segments: SegmentReader;
  /** Values of transactions before this one are gone. */
  readonly truncatedBefore: () => bigint;
  /** Makes truncatedBefore() tell what holds now: a truncation records itself before it removes anything. */
  readonly refresh: () => void;
}

export class EntriesCheck {
  /** Values that were not looked at since they are truncated. */
  truncatedValues = 0;
  readonly #findings: Findings;
  readonly #source: EntriesSource;

  constructor(findings: Findings, source: EntriesSource) {
    this.#findings = findings;
    this.#source = source;
  }

  /** The entries of the parts of a transaction; undefined when some cannot be read. */
  readParts({ id, nentries }: TxHeader): readonly StoredEntry[] | undefined {
    const entries: StoredEntry[] = [];
    let complete = true;
    for (let part = 0; part * PART_ENTRIES < nentries; part++) {
      const count = Math.min(PART_ENTRIES, nentries - part * PART_ENTRIES);
      const row = this.#source.take(entriesKey(id, part));
      const read = row === undefined ? undefined : this.#readPart(id, part, count, row);
      if (row === undefined) this.#findings.add("entry", `part ${part} of the entries is missing`, { txId: id });
      if (read === undefined) complete = false;
      else if (complete) entries.push(...read);
    }
    return complete ? entries : undefined;
  }

  #readPart(txId: bigint, part: number, count: number, row: Uint8Array): readonly StoredEntry[] | undefined {
    try {
      let mismatches = 0;
      const entries = decodeEntriesPart(row, count, () => mismatches++);
      if (mismatches > 0) this.#findings.add("entry", `a checksum in part ${part} of the entries fails`, { txId });
      return entries;
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#findings.add("entry", `part ${part} of the entries cannot be read: ${error.message}`, { txId });
      return undefined;
    }
  }

  /** Checks entries against the header, and their values. Returns whether the entries are those that were written. */
  check(header: TxHeader, entries: readonly StoredEntry[]): boolean {
    const sound = this.#checkRoot(header, entries);
    entries.forEach((stored, i) => {
      this.#checkValue(header.id, i, stored);
    });
    this.#findings.covered.entries += entries.length;
    return sound;
  }

  #checkRoot({ id, version, eh }: TxHeader, entries: readonly StoredEntry[]): boolean {
    try {
      const digests = entries.map(({ entry }) => {
        checkEntryVersion(entry, version);
        return entryDigest(entry, version);
      });
      if (equalBytes(entriesRoot(digests), eh)) return true;
      this.#findings.add("entry", "the entries do not hash to what the header says", { txId: id });
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#findings.add("entry", error.message, { txId: id });
    }
    return false;
  }

  #checkValue(txId: bigint, index: number, stored: StoredEntry): void {
    const { entry, at } = stored;
    const { covered } = this.#findings;
    const pieces = at.place === "rows" ? this.#takePieces(txId, index, entry) : undefined;
    if (entry.vLen > 0 && txId < this.#source.truncatedBefore()) {
      this.truncatedValues++;
      return;
    }
    const value = pieces ?? this.#read(txId, stored);
    const wrong = value instanceof Uint8Array ? wrongWith(value, entry) : value;
    if (wrong === undefined) {
      if (entry.vLen > 0) covered.values++;
      covered.valueBytes += entry.vLen;
      return;
    }
    this.#source.refresh();
    if (entry.vLen > 0 && txId < this.#source.truncatedBefore()) this.truncatedValues++;
    else this.#findings.add("value", wrong, { txId, key: entry.key });
  }

  /** The bytes of a value, or what is wrong with them. */
  #read(txId: bigint, { entry, at }: StoredEntry): Uint8Array | string {
    switch (at.place) {
      case "here":
        return at.value;
      case "segment":
        return this.#source.segments.read(txId, at.offset, entry.vLen) ?? "the value is not in its segment";
      case "rows":
        return "the value is missing";
      case "truncated":
        return "the value was removed though nothing says that values of this transaction are truncated";
    }
  }

  /** All pieces of a value; what is wrong when one is missing or has another length. */
  #takePieces(txId: bigint, index: number, { vLen }: TxEntry): Uint8Array | string {
    const pieces: Uint8Array[] = [];
    let wrong: string | undefined;
    for (let piece = 0, left = vLen; left > 0; piece++, left -= VALUE_PIECE_BYTES_MAX) {
      const bytes = this.#source.take(valueKey(txId, index, piece));
      if (bytes === undefined) wrong ??= `piece ${piece} of the value is missing`;
      else if (bytes.length !== Math.min(left, VALUE_PIECE_BYTES_MAX)) wrong ??= `piece ${piece} has another length`;
      else pieces.push(bytes);
    }
    return wrong ?? (pieces.length === 1 ? (pieces[0] as Uint8Array) : concat(...pieces));
  }
}

function wrongWith(value: Uint8Array, { vLen, hValue }: TxEntry): string | undefined {
  if (!equalBytes(sha256(value), hValue)) return "the value does not hash to what its entry says";
  return value.length === vLen ? undefined : "the value has another length than its entry says";
}
