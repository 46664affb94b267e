// Bounds of ranges of store keys.

import { compareBytes } from "../base/bytes.ts";

export function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) >= 0 ? a : b;
}

export function earlier(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) <= 0 ? a : b;
}

/** The first store key after all that begin with `prefix`. Its first byte says the kind of key and can always be raised. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  let end = prefix.length;
  while (prefix[end - 1] === 0xff) end--;
  const after = prefix.slice(0, end);
  after[end - 1] = (after[end - 1] as number) + 1;
  return after;
}
