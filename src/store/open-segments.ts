// Which databases have value segments: those that keep values there, and those that once did.

import type { StorePlace } from "./place.ts";
import { type LogTables, truncatedBefore } from "./tx-log.ts";
import { ValueSegments } from "./value-segments.ts";

export interface SegmentOptions {
  readonly database: string;
  readonly place: StorePlace;
  /** Whether values go there. Default false. */
  readonly valuesInSegments?: boolean;
}

/** The value segments of a database; undefined when it has none. */
export async function openSegments(options: SegmentOptions, tables: LogTables): Promise<ValueSegments | undefined> {
  const files = options.place.segmentFiles();
  const used = options.valuesInSegments === true || (await files.list()).length > 0;
  return used ? ValueSegments.open(options.database, files, truncatedBefore(tables)) : undefined;
}
