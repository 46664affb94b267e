// Who wrote a transaction and from where, as its metadata's `extra` says it (wire spec §4): a list of pairs, keys `usr` and `ip`.
//
//   u8 length of key - 1 | u8 length of value - 1 | key | value
//
// A pair without a value cannot be said, and is left out.

import { concat, utf8, utf8ToString } from "../base/bytes.ts";
import { check } from "./errors.ts";

export interface RequestMetadata {
  /** Name of the user; empty for none. */
  readonly user: string;
  /** Address that the request came from; empty for none. */
  readonly ip: string;
}

const KEYS = { user: "usr", ip: "ip" } as const;

/** At most 120 bytes for names and addresses that there can be; undefined when there is nothing to say. */
export function encodeRequestMetadata({ user, ip }: RequestMetadata): Uint8Array | undefined {
  const pairs = [...pair(KEYS.user, user), ...pair(KEYS.ip, ip)];
  return pairs.length === 0 ? undefined : concat(...pairs);
}

/** The known pairs; others are ignored. Throws ProofError `tx_metadata_malformed`. */
export function decodeRequestMetadata(extra: Uint8Array): RequestMetadata {
  const values = new Map<string, string>();
  for (let at = 0; at < extra.length; ) {
    check(at + 2 <= extra.length, "tx_metadata_malformed", "request metadata ends inside a pair");
    const keyEnd = at + 3 + (extra[at] as number);
    const valueEnd = keyEnd + 1 + (extra[at + 1] as number);
    check(valueEnd <= extra.length, "tx_metadata_malformed", "request metadata ends inside a pair");
    values.set(utf8ToString(extra.subarray(at + 2, keyEnd)), utf8ToString(extra.subarray(keyEnd, valueEnd)));
    at = valueEnd;
  }
  return { user: values.get(KEYS.user) ?? "", ip: values.get(KEYS.ip) ?? "" };
}

function pair(key: string, value: string): Uint8Array[] {
  if (value === "") return [];
  const [keyBytes, valueBytes] = [utf8(key), utf8(value)];
  return [Uint8Array.of(keyBytes.length - 1, valueBytes.length - 1), keyBytes, valueBytes];
}
