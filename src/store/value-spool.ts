// Values of a transaction that is still being received. What is short stays in memory; once the memory of this transaction
// is used up, values go to a file as they come, piece by piece, so that a transaction costs the same memory whatever it holds.
//
//   add(length, pieces) ── fits in memory ──▶ the value
//                       └─ does not ──▶ appended to the file and hashed on the way ──▶ SpooledValue
//   finish()               the file is on disk
//   commit                 the file becomes a value segment (value-segments.ts), without being copied
//   close()                without a commit: it is gone
//
// The file is a segment from its first byte on, but for its header, which says the transaction's id.

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { VALUE_SPOOL_MEMORY_BYTES_MAX, VALUE_SPOOLS_MAX } from "../base/limits.ts";
import { VALUE_PREFIX_PLAIN } from "../proof/keys.ts";
import type { DiskSpace } from "./disk-space.ts";
import { StoreError } from "./errors.ts";
import type { SpoolFile } from "./segment-files.ts";
import { SEGMENT_HEADER_BYTES, type SpooledSegment, type ValueSegments } from "./value-segments.ts";

/** A store value that is on disk before its transaction is committed. */
export interface SpooledValue {
  /** Bytes, prefix included. */
  readonly length: number;
  readonly hValue: Uint8Array;
  /** In its segment. */
  readonly offset: bigint;
}

/** The spools of one database. */
export class ValueSpools {
  readonly #segments: ValueSegments | undefined;
  readonly #space: DiskSpace | undefined;
  #count = 0;

  constructor(segments: ValueSegments | undefined, space: DiskSpace | undefined) {
    this.#segments = segments;
    this.#space = space;
  }

  /** Throws `overloaded`. */
  open(): ValueSpool {
    const segments = this.#segments;
    assert(segments !== undefined, "a store that is written to has segments");
    if (this.#count >= VALUE_SPOOLS_MAX) {
      const data = { limit: VALUE_SPOOLS_MAX, setting: "streamed transactions" };
      throw new StoreError("overloaded", "too many transactions are being received: try again later", data);
    }
    this.#count++;
    return new ValueSpool({
      open: () => segments.spool(),
      requireRoom: (bytes) => this.#space?.requireRoom(bytes),
      onClose: () => this.#count--,
    });
  }
}

interface ValueSpoolParts {
  readonly open: () => Promise<SpoolFile>;
  /** Throws `disk_low` when so many bytes should not be written. */
  readonly requireRoom: (bytes: number) => void;
  readonly onClose: () => void;
}

/** So much is written at once. */
const WRITE_BYTES = 256 * 1024;
const PREFIX = Uint8Array.of(VALUE_PREFIX_PLAIN);

export class ValueSpool implements AsyncDisposable {
  readonly #parts: ValueSpoolParts;
  /** Bytes of values that are in memory. */
  #inMemory = 0;
  #file: SpoolFile | undefined;
  /** Bytes of the file, those in the buffer included. */
  #bytes = 0;
  #buffer = new Uint8Array(0);
  #buffered = 0;

  constructor(parts: ValueSpoolParts) {
    this.#parts = parts;
  }

  /** The file, when there is one; finish() has resolved. */
  get segment(): SpooledSegment | undefined {
    return this.#file && { file: this.#file, bytes: this.#bytes };
  }

  /** Whether a user value of this length stays in memory; it is counted then. */
  takesMemory(length: number): boolean {
    if (this.#inMemory + length > VALUE_SPOOL_MEMORY_BYTES_MAX) return false;
    this.#inMemory += length;
    return true;
  }

  /** Puts a user value, `length` bytes in all, into the file. Throws `disk_low`, `write_failed`. */
  async add(length: number, pieces: AsyncIterable<Uint8Array>): Promise<SpooledValue> {
    const hash = createHash("sha256");
    await this.#begin();
    const offset = BigInt(this.#bytes - SEGMENT_HEADER_BYTES);
    hash.update(PREFIX);
    await this.#write(PREFIX);
    for await (const piece of pieces) {
      hash.update(piece);
      await this.#write(piece);
    }
    return { length: length + PREFIX.length, hValue: new Uint8Array(hash.digest()), offset };
  }

  /** Resolves when everything is on disk that add() took. Throws `disk_low`, `write_failed`. */
  async finish(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#flush();
    await writing(this.#file.sync());
    this.#buffer = new Uint8Array(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.onClose();
    await this.#file?.close();
  }

  async #begin(): Promise<void> {
    if (this.#file !== undefined) return;
    this.#file = await writing(this.#parts.open());
    this.#buffer = new Uint8Array(WRITE_BYTES);
    // The header comes when the transaction has an id.
    this.#buffered = SEGMENT_HEADER_BYTES;
    this.#bytes = SEGMENT_HEADER_BYTES;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    for (let from = 0; from < bytes.length; ) {
      if (this.#buffered === this.#buffer.length) await this.#flush();
      const part = bytes.subarray(from, from + this.#buffer.length - this.#buffered);
      this.#buffer.set(part, this.#buffered);
      this.#buffered += part.length;
      from += part.length;
    }
  }

  async #flush(): Promise<void> {
    this.#parts.requireRoom(this.#buffered);
    await writing((this.#file as SpoolFile).write(this.#buffer.subarray(0, this.#buffered)));
    this.#buffered = 0;
  }
}

/** Nothing of the transaction is stored when this fails. */
async function writing<T>(action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw new StoreError("write_failed", "the write failed: nothing was stored", {}, error);
  }
}
