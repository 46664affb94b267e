// Header blocks, encoded (RFC 7541): what the static table has as a whole is one octet, everything else a literal that no
// table keeps. So a block means the same on every connection at any time, is made once and sent again and again.

import { assert } from "../base/assert.ts";
import { STATIC_NAMES, staticIndexOf } from "./static-table.ts";

/** A name of RFC 9110 in lower case, or a pseudo-header's. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What no octet of a value is: a line end, NUL, or no octet at all. */
const NOT_SENT = /[\0\r\n\u0100-\uffff]/;

/**
 * A header block of fields, to be sent as it is (in HEADERS and, where it is longer than a frame, CONTINUATION). Names in
 * lower case, `:status` first; values have one character (U+0001 to U+00FF, no line ends) per octet.
 */
export function encodeFields(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
  const out: number[] = [];
  for (const [name, value] of fields) {
    assert(NAME.test(name) && !NOT_SENT.test(value), `a header field that cannot be sent: ${name}`);
    const whole = staticIndexOf(name, value);
    if (whole !== undefined) {
      pushInteger(out, 0x80, 0x7f, whole);
      continue;
    }
    const index = STATIC_NAMES.get(name) ?? 0;
    pushInteger(out, 0x00, 0x0f, index);
    if (index === 0) pushString(out, name);
    pushString(out, value);
  }
  return Uint8Array.from(out);
}

function pushString(out: number[], text: string): void {
  pushInteger(out, 0x00, 0x7f, text.length);
  for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i));
}

/** An integer (RFC 7541, section 5.1) in the bits of `mask` of an octet that has `flags` above them. */
function pushInteger(out: number[], flags: number, mask: number, value: number): void {
  if (value < mask) {
    out.push(flags | value);
    return;
  }
  out.push(flags | mask);
  let rest = value - mask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  out.push(rest);
}
