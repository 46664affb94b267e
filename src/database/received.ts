// What comes of a transaction by and by: keys and values of a request that arrives as a stream. Each is measured by the length
// that it announces, before it is read: what is too long, or one too many, is refused before it costs anything.

import { STREAMED_VALUES_BYTES_MAX } from "../base/limits.ts";
import { tooMuch } from "../store/tx-limits.ts";
import type { SpooledValue, ValueSpool } from "../store/value-spool.ts";
import { DatabaseError } from "./errors.ts";
import type { DatabaseSettings } from "./settings.ts";

/** A key or a value that is coming. */
export interface Incoming {
  /** Bytes, as announced. */
  readonly length: number;
  /** All of it in one piece. */
  whole(): Promise<Uint8Array>;
  /** All of it piece by piece. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Closed when its transaction was committed, or will not be. */
export class Received implements AsyncDisposable {
  /** Where the long values are. */
  readonly spool: ValueSpool;
  readonly #settings: DatabaseSettings;
  #entries = 0;
  #valueBytes = 0;

  constructor(spool: ValueSpool, settings: DatabaseSettings) {
    this.spool = spool;
    this.#settings = settings;
  }

  /** One more entry has begun. Throws `too_many_entries`. */
  entry(): void {
    const { maxTxEntries: limit } = this.#settings;
    if (++this.#entries > limit) throw tooMuch("too_many_entries", limit, "maxTxEntries");
  }

  /** A user key. Throws `key_too_long`. */
  async key(incoming: Incoming): Promise<Uint8Array> {
    const { maxKeyLen: limit } = this.#settings;
    if (incoming.length + 1 > limit) throw tooMuch("key_too_long", limit, "maxKeyLen");
    return await incoming.whole();
  }

  /** A user value; long ones go to the disk. Throws `values_too_long`, `value_too_long`, `disk_low`, `write_failed`. */
  async value(incoming: Incoming): Promise<Uint8Array | SpooledValue> {
    const { length } = incoming;
    const { maxValueLen: limit } = this.#settings;
    this.#valueBytes += length;
    if (this.#valueBytes > STREAMED_VALUES_BYTES_MAX) {
      const message = `the values of a streamed transaction have at most ${STREAMED_VALUES_BYTES_MAX} bytes`;
      throw new DatabaseError("values_too_long", message, { limit: STREAMED_VALUES_BYTES_MAX });
    }
    if (length + 1 > limit) throw tooMuch("value_too_long", limit, "maxValueLen");
    return this.spool.takesMemory(length) ? await incoming.whole() : await this.spool.add(length, incoming.pieces());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.spool[Symbol.asyncDispose]();
  }
}
