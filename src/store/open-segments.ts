// The value segments of a database: of one whose values go there, of one whose values once did, and of any other as soon as a
// long value comes by pieces. As long as there are none, there is no directory for them.

import type { StorePlace } from "./place.ts";
import { type LogTables, truncatedBefore } from "./tx-log.ts";
import { ValueSegments } from "./value-segments.ts";

/** Opens them. Throws `damaged`. */
export function openSegments(database: string, place: StorePlace, tables: LogTables): Promise<ValueSegments> {
  return ValueSegments.open(database, place.segmentFiles(), truncatedBefore(tables));
}
