// The static table of HPACK (RFC 7541, appendix A): 61 fields, addressed from 1 on. The dynamic table follows it.

import { HeaderField } from "./header-field.ts";

const FIELDS: readonly (readonly [name: string, value?: string])[] = [
  [":authority"],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language"],
  ["accept-ranges"],
  ["accept"],
  ["access-control-allow-origin"],
  ["age"],
  ["allow"],
  ["authorization"],
  ["cache-control"],
  ["content-disposition"],
  ["content-encoding"],
  ["content-language"],
  ["content-length"],
  ["content-location"],
  ["content-range"],
  ["content-type"],
  ["cookie"],
  ["date"],
  ["etag"],
  ["expect"],
  ["expires"],
  ["from"],
  ["host"],
  ["if-match"],
  ["if-modified-since"],
  ["if-none-match"],
  ["if-range"],
  ["if-unmodified-since"],
  ["last-modified"],
  ["link"],
  ["location"],
  ["max-forwards"],
  ["proxy-authenticate"],
  ["proxy-authorization"],
  ["range"],
  ["referer"],
  ["refresh"],
  ["retry-after"],
  ["server"],
  ["set-cookie"],
  ["strict-transport-security"],
  ["transfer-encoding"],
  ["user-agent"],
  ["vary"],
  ["via"],
  ["www-authenticate"],
];

/** The fields in order; the field with index 1 is the first. */
export const STATIC_TABLE: readonly HeaderField[] = FIELDS.map(([name, value = ""]) => new HeaderField(name, value));

/** The lowest index that has a name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(({ name }, i): [string, number] => [name, i + 1]).reverse(),
);

/** The index of a field with this name and value. An empty value is not a field here, but a name alone. */
export function staticIndexOf(name: string, value: string): number | undefined {
  const first = STATIC_NAMES.get(name);
  if (first === undefined || value === "") return undefined;
  for (let i = first; STATIC_TABLE[i - 1]?.name === name; i++) if (STATIC_TABLE[i - 1]?.value === value) return i;
  return undefined;
}
