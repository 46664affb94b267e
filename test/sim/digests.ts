// Entries by what a transaction commits to: key, metadata and the digest of the value. Two lists of entries with the same text
// have the same values, whether or not these can still be read.

import { EMPTY, toHex, utf8 } from "../../src/base/bytes.ts";
import { plainKey, plainValue } from "../../src/proof/keys.ts";
import { encodeKvMetadata } from "../../src/proof/kv-metadata.ts";
import type { TxEntry } from "../../src/proof/model.ts";
import { nodeSha256 } from "../../src/server/node-sha256.ts";
import type { Write } from "./ledger.ts";
import { metadataOf } from "./requests.ts";

type Entry = Pick<TxEntry, "key" | "metadata" | "hValue">;

export function digestOfEntries(entries: readonly Entry[]): string {
  return entries
    .map(({ key, metadata, hValue }) => [key, encodeKvMetadata(metadata), hValue].map(toHex).join(":"))
    .join(" ");
}

/** The same of entries that are to be written. */
export function digestOfWrites(writes: readonly Write[]): string {
  return digestOfEntries(
    writes.map((write) => ({
      key: plainKey(utf8(write.key)),
      metadata: metadataOf(write),
      hValue: nodeSha256(write.deleted ? EMPTY : plainValue(utf8(write.value))),
    })),
  );
}
