// Reading the parts of a message from outside. protobuf makes every sub-message optional and every digest any length; these
// close it again: what is missing, of the wrong size or unknown is refused, and nothing is padded or cut.

import type { Message } from "@bufbuild/protobuf";
import { WireError } from "./errors.ts";

const DIGEST_LENGTH = 32;

/** The part itself. Throws `part_missing` when it is not there. */
export function required<T>(value: T | undefined, part: string): T {
  if (value === undefined) throw new WireError("part_missing", `the message has no ${part}`, { part });
  return value;
}

/** A digest of 32 bytes. Throws `digest_length`. */
export function digestFromWire(bytes: Uint8Array, part: string): Uint8Array {
  const { length } = bytes;
  if (length !== DIGEST_LENGTH) {
    throw new WireError("digest_length", `${part} has ${length} bytes instead of ${DIGEST_LENGTH}`, { part, length });
  }
  return bytes;
}

/** Terms of a proof, 32 bytes each. Throws `digest_length`. */
export function termsFromWire(terms: readonly Uint8Array[], part: string): readonly Uint8Array[] {
  for (const term of terms) digestFromWire(term, part);
  return terms;
}

/** Refuses a message with fields that its type does not have. Throws `field_unknown`. */
export function checkKnown(message: Message, part: string): void {
  if (message.$unknown !== undefined && message.$unknown.length > 0) {
    throw new WireError("field_unknown", `${part} has a field that is not known here`, { part });
  }
}
