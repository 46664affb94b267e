// The transactions of store-writer.ts: each follows from its number, so that whoever reads them back knows what they must be.

import { utf8 } from "../../src/base/bytes.ts";
import { plainKey, plainValue } from "../../src/proof/keys.ts";
import type { EntrySpec } from "../../src/store/chain.ts";

const SHARED_KEYS = 20;
const NAMING_KEY = /^attempt\/(\d+)$/;

/** The first key names the attempt, later ones are shared with others and get a history. `count` 1 or more. */
export function attemptEntries(attempt: number, count: number, valueBytes: number): EntrySpec[] {
  return Array.from({ length: count }, (_, i) => {
    const shared = i < SHARED_KEYS ? `shared/${i}` : `attempt/${attempt}/${i}`;
    const value = `attempt ${attempt} entry ${i} `.padEnd(valueBytes, "immutable ");
    return {
      key: plainKey(utf8(i === 0 ? `attempt/${attempt}` : shared)),
      value: plainValue(utf8(value)),
      metadata: undefined,
    };
  });
}

/** The attempt that a transaction with this first store key was; undefined when nobody's. */
export function attemptOfKey(key: Uint8Array): number | undefined {
  const number = NAMING_KEY.exec(Buffer.from(key.subarray(1)).toString())?.[1];
  return number === undefined ? undefined : Number(number);
}
