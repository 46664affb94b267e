// What an error calls a stored key: as a person would write it where that is possible.

import { toHex } from "../base/bytes.ts";
import { KEY_PREFIX_PLAIN } from "../proof/keys.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
/** Letters, digits, punctuation, symbols and plain spaces: nothing that a terminal or a log would act upon. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** `'text'` for a plain key that is printable text; otherwise the hexadecimal digits of the store key, prefix byte included. */
export function nameOfKey(storeKey: Uint8Array): string {
  if (storeKey[0] !== KEY_PREFIX_PLAIN) return toHex(storeKey);
  try {
    const text = decoder.decode(storeKey.subarray(1));
    return PRINTABLE.test(text) ? `'${text}'` : toHex(storeKey);
  } catch {
    return toHex(storeKey);
  }
}
