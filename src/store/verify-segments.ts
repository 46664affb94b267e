// The value segments of a database, for reading alone: nothing is finished, renamed or removed, since their owner may be at
// work. When a value is not where it should be, the list of files is read anew before it counts as missing: a truncation may
// just have put another file in the place of one.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DiskSegmentFiles, type SegmentFiles } from "./segment-files.ts";
import { isSegmentName, readSegment, readValue, type Segment, segmentOf } from "./value-segments.ts";
import { isMalformed } from "./verify-report.ts";

export interface SegmentSource {
  readonly files: Pick<SegmentFiles, "read" | "close">;
  /** Names of the files there are now. */
  readonly names: () => readonly string[];
}

/** The segments of a database on disk. */
export function segmentsOnDisk(directory: string): SegmentSource {
  const values = join(directory, "values");
  return {
    files: new DiskSegmentFiles(values),
    names: () => {
      try {
        return readdirSync(values);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    },
  };
}

export class SegmentReader {
  readonly #database: string;
  readonly #source: SegmentSource;
  #names: readonly string[] = [];
  #segments: readonly Segment[] = [];
  #damaged: readonly string[] = [];

  constructor(database: string, source: SegmentSource) {
    this.#database = database;
    this.#source = source;
    this.#list();
  }

  /** Files that do not begin as a segment does. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  /** The value of a transaction at a logical offset; undefined when no segment has it. */
  read(txId: bigint, offset: bigint, length: number): Uint8Array | undefined {
    const read = (): Uint8Array | undefined =>
      readValue(this.#source.files, segmentOf(this.#segments, txId), offset, length);
    const value = read();
    return value !== undefined || !this.#list() ? value : read();
  }

  close(): void {
    this.#source.files.close();
  }

  /** Looks what there is. Returns whether that has changed. */
  #list(): boolean {
    const names = this.#source.names().filter(isSegmentName).toSorted();
    if (names.join() === this.#names.join()) return false;
    const segments: Segment[] = [];
    const damaged: string[] = [];
    for (const name of names) {
      try {
        segments.push(readSegment(this.#database, this.#source.files, name, 0));
      } catch (error) {
        if (!isMalformed(error)) throw error;
        damaged.push(name);
      }
    }
    this.#names = names;
    this.#segments = segments;
    this.#damaged = damaged;
    return true;
  }
}
