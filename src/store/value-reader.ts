// Reading values, wherever they are: in their block, in a row that they share, in rows of their own, in a segment. A value is
// read as a whole and compared with its digest, or by pieces:
//
//   check()   all pieces are read and hashed; what each one is is remembered by its checksum
//   pieces()  the pieces are read again, each compared with its checksum before it is handed on
//
// So of a value that is too long to be kept nothing is handed on before all of it was proven, and nothing that is not what was
// proven then: a disk may answer differently the second time.

import { createHash } from "node:crypto";
import { concat, EMPTY, equalBytes } from "../base/bytes.ts";
import type { TxEntry } from "../proof/model.ts";
import { sha256 } from "../proof/sha256.ts";
import { crc32 } from "./checksum.ts";
import type { StoredEntry, ValueAt } from "./entries-block.ts";
import type { LastRows } from "./last-rows.ts";
import { ROW_VALUES, VALUE_PIECE_BYTES_MAX, valueKey, valuesKey } from "./layout.ts";
import type { TxLog } from "./tx-log.ts";
import { damagedIn, truncatedIn } from "./value-errors.ts";

/** A store value that is read by pieces. */
export interface ValueSource {
  /** Bytes, prefix included. */
  readonly length: number;
  /**
   * Reads all of it, letting others have a turn between two pieces. Throws `damaged` when it is not what its digest says,
   * `value_truncated` when it has gone meanwhile, and what the signal aborts with.
   */
  check(signal: AbortSignal): Promise<void>;
  /** Its pieces, at most 1 MiB each; it was checked. Throws `damaged`, `value_truncated`. */
  pieces(): Iterable<Uint8Array>;
}

export class ValueReader {
  readonly #database: string;
  readonly #log: Pick<TxLog, "tables" | "segments" | "truncatedBefore">;
  readonly #last: LastRows;

  constructor(database: string, log: Pick<TxLog, "tables" | "segments" | "truncatedBefore">, last: LastRows) {
    this.#database = database;
    this.#log = log;
    this.#last = last;
  }

  /** The store value of an entry, compared with its digest. Throws `damaged`, `value_truncated`. */
  checked(txId: bigint, index: number, stored: StoredEntry): Uint8Array {
    this.#requireKept(txId, stored);
    const { entry, at } = stored;
    const value = this.#whole(txId, index, entry, at);
    if (value.length !== entry.vLen || !equalBytes(sha256(value), entry.hValue)) return this.#lost(txId, entry);
    return value;
  }

  /** The store value of an entry by pieces. Throws `value_truncated`. */
  source(txId: bigint, index: number, stored: StoredEntry): ValueSource {
    const { entry } = stored;
    this.#requireKept(txId, stored);
    const checksums: number[] = [];
    return {
      length: entry.vLen,
      check: async (signal) => {
        const hash = createHash("sha256");
        checksums.length = 0;
        for (const piece of this.#pieces(txId, index, stored)) {
          hash.update(piece);
          checksums.push(crc32(piece));
          await new Promise((resolve) => setImmediate(resolve));
          signal.throwIfAborted();
        }
        if (!equalBytes(hash.digest(), entry.hValue)) this.#lost(txId, entry);
      },
      pieces: () => this.#asChecked(txId, index, stored, checksums),
    };
  }

  /** Values of neighbours that stand in one row; undefined when it is not there. */
  row(txId: bigint, row: number): Uint8Array | undefined {
    const last = this.#last.values(txId, row);
    if (last !== undefined) return last;
    const bytes = this.#log.tables.log.get(valuesKey(txId, row));
    if (bytes !== undefined) this.#last.keepValues(txId, row, bytes);
    return bytes;
  }

  *#asChecked(
    txId: bigint,
    index: number,
    stored: StoredEntry,
    checksums: readonly number[],
  ): Generator<Uint8Array, void, undefined> {
    let next = 0;
    for (const piece of this.#pieces(txId, index, stored)) {
      if (crc32(piece) !== checksums[next++]) this.#lost(txId, stored.entry);
      yield piece;
    }
  }

  *#pieces(txId: bigint, index: number, stored: StoredEntry): Generator<Uint8Array, void, undefined> {
    const { entry, at } = stored;
    for (let from = 0, piece = 0; from < entry.vLen; from += VALUE_PIECE_BYTES_MAX, piece++) {
      const length = Math.min(VALUE_PIECE_BYTES_MAX, entry.vLen - from);
      this.#requireKept(txId, stored);
      switch (at.place) {
        case "pieces":
          yield this.#piece(txId, index, piece, length) ?? this.#lost(txId, entry);
          break;
        case "segment":
          yield this.#log.segments?.read(txId, at.offset + BigInt(from), length) ?? this.#lost(txId, entry);
          break;
        default:
          yield this.#whole(txId, index, entry, at).subarray(from, from + length);
      }
    }
  }

  #requireKept(txId: bigint, { entry, at }: StoredEntry): void {
    if (at.place === "withheld" || (txId < this.#log.truncatedBefore && entry.vLen > 0))
      throw truncatedIn(this.#database, txId, entry.key);
  }

  #whole(txId: bigint, index: number, entry: TxEntry, at: ValueAt): Uint8Array {
    switch (at.place) {
      case "here":
        return at.value;
      case "row":
        return this.#fromRow(txId, index, entry, at.from);
      case "pieces":
        return this.#joined(txId, index, entry);
      case "segment":
        return this.#log.segments?.read(txId, at.offset, entry.vLen) ?? this.#lost(txId, entry);
      case "truncated":
      case "withheld":
        return this.#lost(txId, entry);
    }
  }

  #fromRow(txId: bigint, index: number, entry: TxEntry, from: number): Uint8Array {
    if (entry.vLen === 0) return EMPTY;
    const bytes = this.row(txId, Math.floor(index / ROW_VALUES));
    return bytes === undefined ? this.#lost(txId, entry) : bytes.subarray(from, from + entry.vLen);
  }

  /** Collected before a value of that length is made: a length is not to be trusted with memory either. */
  #joined(txId: bigint, index: number, entry: TxEntry): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (let left = entry.vLen, piece = 0; left > 0; piece++) {
      const length = Math.min(VALUE_PIECE_BYTES_MAX, left);
      pieces.push(this.#piece(txId, index, piece, length) ?? this.#lost(txId, entry));
      left -= length;
    }
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : concat(...pieces);
  }

  /** A piece of a value that has rows of its own; undefined when it is not there, or has another length. */
  #piece(txId: bigint, index: number, piece: number, length: number): Uint8Array | undefined {
    const bytes = this.#log.tables.log.get(valueKey(txId, index, piece));
    return bytes?.length === length ? bytes : undefined;
  }

  #lost(txId: bigint, entry: TxEntry): never {
    throw damagedIn(this.#database, txId, "value", entry.key);
  }
}
