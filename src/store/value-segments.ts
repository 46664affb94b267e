// Values under retention: kept outside LMDB, in files by range of transactions, so that old ones can really be removed. LMDB
// writes a changed page elsewhere and leaves the old one as it was: a value deleted there can be read from the file for long.
//
//   <first transaction, 16 hex digits>.seg     "IMMUVAL1" | u64 first transaction | u64 base | values back to back
//
// The log holds the logical offset of each value; its position in the file is HEADER + offset − base. Removing everything
// before a transaction unlinks whole segments and rewrites the one at the border under a later name and base: offsets in the
// log stay true. A crash in between leaves the old file beside the new one; what a later segment makes superfluous is
// removed at the next start.
//
// Values are synced before the commit that names them. A commit that failed leaves bytes that nothing names; they go with
// their segment. A segment that such a commit began goes when the next values come.
//
// Long values that come piece by piece (value-spool.ts) are in a file of their own before their transaction has an id: that
// file becomes the segment that begins with it, as it is. So any database may have segments.

import { concat, equalBytes, u64, utf8, viewOf } from "../base/bytes.ts";
import { SEGMENT_BYTES_MAX } from "../base/limits.ts";
import { StoreError } from "./errors.ts";
import type { SegmentFiles, SpoolFile } from "./segment-files.ts";

const MAGIC: Uint8Array = utf8("IMMUVAL1");
/** Bytes of a segment before its first value. */
export const SEGMENT_HEADER_BYTES = 24;
const NAME = /^([0-9a-f]{16})\.seg$/;

export interface Segment {
  readonly name: string;
  readonly firstTx: bigint;
  readonly base: bigint;
  bytes: number;
}

/** Values that are appended together: those of one transaction. */
export interface SegmentedTx {
  readonly txId: bigint;
  /** Non-empty values, in order, that are to be written. */
  readonly values: readonly Uint8Array[];
  /** Values that are on disk already. */
  readonly spooled: SpooledSegment | undefined;
}

/** A file of values that is to become a segment; its header is left out as yet. */
export interface SpooledSegment {
  readonly file: SpoolFile;
  /** Bytes of the file, header included. */
  readonly bytes: number;
}

export class ValueSegments {
  readonly #database: string;
  readonly #files: SegmentFiles;
  /** In order of transactions; the last one is appended to. */
  #segments: Segment[];
  /** Nothing is appended to the last segment any more: there may be a file after it that replaces it at the next start. */
  #sealed = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(database: string, files: SegmentFiles, segments: Segment[]) {
    this.#database = database;
    this.#files = files;
    this.#segments = segments;
  }

  /** Opens the segments there are. Finishes a removal that a crash interrupted. Throws `damaged`. */
  static async open(database: string, files: SegmentFiles, truncatedBefore: bigint): Promise<ValueSegments> {
    const segments: Segment[] = [];
    for (const { name, bytes } of await files.list()) {
      if (isSegmentName(name)) segments.push(readSegment(database, files, name, bytes));
    }
    const opened = new ValueSegments(database, files, segments);
    await opened.#removeWhole(truncatedBefore);
    return opened;
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Makes the values durable. Resolves with the logical offset of each that was to be written, transaction by transaction. */
  append(txs: readonly SegmentedTx[]): Promise<bigint[][]> {
    return this.#inTurn(async () => {
      const offsets: bigint[][] = [];
      for (let from = 0; from < txs.length; ) {
        const first = txs[from] as SegmentedTx;
        let to = from + 1;
        while (to < txs.length && txs[to]?.spooled === undefined) to++;
        if (first.spooled !== undefined) await this.#adopt(first.txId, first.spooled);
        offsets.push(...(await this.#appendRun(txs.slice(from, to))));
        from = to;
      }
      return offsets;
    });
  }

  /** Values that are written one after another into the last segment. */
  async #appendRun(txs: readonly SegmentedTx[]): Promise<bigint[][]> {
    if (txs.every((tx) => tx.values.length === 0)) return txs.map(() => []);
    const segment = await this.#active((txs[0] as SegmentedTx).txId);
    const pieces = txs.flatMap((tx) => tx.values);
    const position = await this.#files.append(segment.name, pieces);
    let offset = segment.base + BigInt(position - SEGMENT_HEADER_BYTES);
    const offsets = txs.map((tx) =>
      tx.values.map((value) => {
        const at = offset;
        offset += BigInt(value.length);
        return at;
      }),
    );
    segment.bytes = SEGMENT_HEADER_BYTES + Number(offset - segment.base);
    return offsets;
  }

  /** A file in which the values of a transaction are collected that is not committed yet. */
  spool(): Promise<SpoolFile> {
    return this.#files.spool();
  }

  /** Removes the segments that begin after the last transaction there is: those were never committed. */
  dropAfter(txId: bigint): Promise<void> {
    return this.#inTurn(() => this.#dropFrom(txId + 1n));
  }

  /** The value of a transaction at a logical offset; undefined when the segments do not have it. */
  read(txId: bigint, offset: bigint, length: number): Uint8Array | undefined {
    return readValue(this.#files, this.#of(txId), offset, length);
  }

  /**
   * Removes the bytes of all values of transactions before `txId`. `firstOffset` says where the values of a segment's
   * transactions from `txId` on begin; undefined when it has none. The truncation must be recorded in the log already.
   */
  removeBefore(txId: bigint, firstOffset: (from: bigint, to: bigint) => bigint | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const border = this.#of(txId - 1n);
      const next = border && this.#segments[this.#segments.indexOf(border) + 1];
      if (border !== undefined && (next === undefined || next.firstTx > txId)) {
        const keepFrom = firstOffset(txId, next?.firstTx ?? 2n ** 64n);
        if (keepFrom !== undefined) await this.#rewrite(border, txId, keepFrom);
        else await this.#create(txId, 0n, new Uint8Array(0), border);
      }
      await this.#removeWhole(txId);
    });
  }

  close(): void {
    this.#files.close();
  }

  /** Makes a file the segment that begins with a transaction. */
  async #adopt(txId: bigint, { file, bytes }: SpooledSegment): Promise<void> {
    await this.#dropFrom(txId);
    const name = nameOf(txId);
    // When it fails, the file may have its name all the same.
    this.#sealed = true;
    await file.adopt(name, headerOf(txId, 0n));
    this.#segments.push({ name, firstTx: txId, base: 0n, bytes });
    this.#sealed = false;
  }

  async #dropFrom(txId: bigint): Promise<void> {
    const dropped = this.#segments.filter((segment) => segment.firstTx >= txId);
    if (dropped.length === 0) return;
    await this.#files.remove(dropped.map((segment) => segment.name));
    this.#segments = this.#segments.filter((segment) => segment.firstTx < txId);
  }

  async #active(txId: bigint): Promise<Segment> {
    // Where it began, a later one would hide it.
    await this.#dropFrom(txId + 1n);
    const last = this.#segments.at(-1);
    if (last !== undefined && last.bytes < SEGMENT_BYTES_MAX && !this.#sealed) return last;
    return this.#create(txId, 0n, new Uint8Array(0), undefined);
  }

  /** The border segment without what comes before `keepFrom`, named by the first transaction it still has. */
  async #rewrite(border: Segment, txId: bigint, keepFrom: bigint): Promise<void> {
    const from = Number(keepFrom - border.base);
    const kept = this.#files.read(border.name, SEGMENT_HEADER_BYTES + from, border.bytes - SEGMENT_HEADER_BYTES - from);
    if (kept === undefined) throw this.#damaged(border.name);
    await this.#create(txId, keepFrom, kept, border);
  }

  /**
   * A new segment that begins with `txId`. When it takes the place of another, it stands right after it. When it fails, its
   * file may be there all the same, and stay.
   */
  async #create(txId: bigint, base: bigint, content: Uint8Array, after: Segment | undefined): Promise<Segment> {
    const name = nameOf(txId);
    const segment: Segment = { name, firstTx: txId, base, bytes: SEGMENT_HEADER_BYTES + content.length };
    try {
      await this.#files.create(name, concat(headerOf(txId, base), content));
    } catch (error) {
      this.#sealed = true;
      await this.#files.remove([name]).catch(() => undefined);
      throw error;
    }
    const at = after === undefined ? this.#segments.length : this.#segments.indexOf(after) + 1;
    const same = this.#segments[at]?.firstTx === txId ? 1 : 0;
    this.#segments.splice(at, same, segment);
    if (segment === this.#segments.at(-1)) this.#sealed = false;
    return segment;
  }

  /** Unlinks the segments whose successor begins at or before `txId`. */
  async #removeWhole(txId: bigint): Promise<void> {
    const superfluous = this.#segments.filter((_segment, i) => {
      const next = this.#segments[i + 1];
      return next !== undefined && next.firstTx <= txId;
    });
    // Forgotten only when they are gone: whoever tries again must find them.
    await this.#files.remove(superfluous.map((segment) => segment.name));
    this.#segments = this.#segments.filter((segment) => !superfluous.includes(segment));
  }

  #of(txId: bigint): Segment | undefined {
    return segmentOf(this.#segments, txId);
  }

  #damaged(name: string): StoreError {
    return damagedSegment(this.#database, name);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function nameOf(firstTx: bigint): string {
  return `${firstTx.toString(16).padStart(16, "0")}.seg`;
}

function headerOf(firstTx: bigint, base: bigint): Uint8Array {
  return concat(MAGIC, u64(firstTx), u64(base));
}

/** Whether a file is a segment. */
export function isSegmentName(name: string): boolean {
  return NAME.test(name);
}

/** What the header of a segment's file says. Throws `damaged`. */
export function readSegment(database: string, files: Pick<SegmentFiles, "read">, name: string, bytes: number): Segment {
  const firstTx = BigInt(`0x${name.slice(0, 16)}`);
  const header = files.read(name, 0, SEGMENT_HEADER_BYTES);
  const fits =
    header !== undefined && equalBytes(header.subarray(0, 8), MAGIC) && viewOf(header).getBigUint64(8) === firstTx;
  if (!fits) throw damagedSegment(database, name);
  return { name, firstTx, base: viewOf(header).getBigUint64(16), bytes };
}

/** The segment that holds the values of a transaction: the last one that begins at or before it. */
export function segmentOf(segments: readonly Segment[], txId: bigint): Segment | undefined {
  let from = 0;
  let to = segments.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((segments[middle] as Segment).firstTx <= txId) from = middle + 1;
    else to = middle;
  }
  return segments[from - 1];
}

/** The value at a logical offset of a segment; undefined when it does not have it. */
export function readValue(
  files: Pick<SegmentFiles, "read">,
  segment: Segment | undefined,
  offset: bigint,
  length: number,
): Uint8Array | undefined {
  if (segment === undefined || offset < segment.base) return undefined;
  return files.read(segment.name, SEGMENT_HEADER_BYTES + Number(offset - segment.base), length);
}

function damagedSegment(database: string, name: string): StoreError {
  const message = `data is damaged: value segment ${name} of database ${database} is not what was written`;
  return new StoreError("damaged", message, { database, what: "value segment", segment: name });
}
