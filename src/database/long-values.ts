// Reads that leave long values where they are: the entries are found in one pass over one state, as every read does, and what
// they hold is read by pieces when its turn comes. A list of long values costs no more memory than a list of short ones.
//
// The reads themselves are those of the other methods (read.ts, sorted-sets.ts). They are given the store with one thing changed:
// of a value that is too long to be a reference they get nothing but the prefix.

import { toHex } from "../base/bytes.ts";
import { STORE_KEY_LENGTH_MAX } from "../base/limits.ts";
import { decodePlainValue, plainKey, plainValue } from "../proof/keys.ts";
import type { Entry } from "../proof/model.ts";
import type { Store } from "../store/store.ts";
import type { ValueSource } from "../store/value-reader.ts";
import type { EntryReads } from "./entries.ts";

/** Longer store values are no references: prefix, transaction, and a store key. */
const SHORT_VALUE_BYTES_MAX: number = 1 + 8 + STORE_KEY_LENGTH_MAX;
const LEFT_OUT: Uint8Array = plainValue(new Uint8Array(0));

/** A user value that is read by pieces. */
export interface LongValue {
  readonly length: number;
  /**
   * Proves all of it. Throws `damaged`, `value_truncated` when it has gone since its entry was found, and what the signal
   * aborts with.
   */
  check(signal: AbortSignal): Promise<void>;
  /** Its pieces, at most 1 MiB each, as they were proven. Throws `damaged`, `value_truncated`. */
  pieces(): Iterable<Uint8Array>;
}

/** What was read, and the values of its entries. */
export class LongValues {
  readonly #store: Store;
  /** Where the value of an entry is in its transaction, by name. */
  readonly #indexes = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The store as a read should see it. */
  get reads(): EntryReads {
    const store = this.#store;
    const { log } = store;
    const shortValueOf = (txId: bigint, index: number, key: Uint8Array): Uint8Array => {
      if (log.valueSource(txId, index, key).length <= SHORT_VALUE_BYTES_MAX) return log.valueOf(txId, index, key);
      this.#indexes.set(nameOf(txId, key), index);
      return LEFT_OUT;
    };
    return {
      committed: store.committed,
      truncatedBefore: store.truncatedBefore,
      latest: (key) => store.latest(key),
      revisions: (key, first, last, reverse) => store.revisions(key, first, last, reverse),
      scan: (range) => store.scan(range),
      log: {
        valueOf: shortValueOf,
        isWithheld: (txId, index) => log.isWithheld(txId, index),
        record: (txId) => log.record(txId),
        entries: (txId, record) => log.entries(txId, record),
      },
    };
  }

  /** The value of an entry that was read so. */
  valueOf(entry: Entry): Uint8Array | LongValue {
    const storeKey = plainKey(entry.key);
    const index = this.#indexes.get(nameOf(entry.tx, storeKey));
    if (index === undefined) return entry.value;
    return userValue(this.#store.log.valueSource(entry.tx, index, storeKey));
  }
}

function nameOf(txId: bigint, storeKey: Uint8Array): string {
  return `${txId}/${toHex(storeKey)}`;
}

/** A plain value without its prefix. */
function userValue(source: ValueSource): LongValue {
  return {
    length: source.length - 1,
    check: (signal) => source.check(signal),
    *pieces() {
      let isFirst = true;
      for (const piece of source.pieces()) {
        // Refuses what is stored under a plain key and is no plain value.
        if (isFirst) decodePlainValue(piece.subarray(0, 1));
        yield isFirst ? piece.subarray(1) : piece;
        isFirst = false;
      }
    },
  };
}
