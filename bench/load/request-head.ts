// The header block of a gRPC request, in the two forms that HPACK gives it (RFC 7541): the first request of a connection
// puts its fields into the server's dynamic table, every later one names them by a byte each, as gRPC clients do.
//
//   first   83 86 | 44 path | 41 authority | 5f content-type | 7a user-agent | 40 "te" "trailers" | 40 "sessionid" …
//   later   83 86 | c3      | c2           | c1              | …                        newest entry of the table: be

import { concat, utf8 } from "../../src/base/bytes.ts";
import type { Door } from "./connection.ts";

const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
/** First index of the dynamic table. */
const DYNAMIC = 62;

/** Indices of names in the static table (RFC 7541, appendix A); 0 for a name that is spelt out. */
const NAMES: Readonly<Record<string, number>> = { ":authority": 1, ":path": 4, "content-type": 31, "user-agent": 58 };

export interface RequestHead {
  readonly first: Uint8Array;
  readonly later: Uint8Array;
}

export function requestHead({ address, path, sessionId }: Door): RequestHead {
  const fields: [name: string, value: string][] = [
    [":path", path],
    [":authority", address],
    ["content-type", "application/grpc"],
    ["user-agent", "bench"],
    ["te", "trailers"],
  ];
  if (sessionId !== undefined) fields.push(["sessionid", sessionId]);
  const start = Uint8Array.of(METHOD_POST, SCHEME_HTTP);
  const later = fields.map((_, i) => 0x80 | (DYNAMIC + fields.length - 1 - i));
  return { first: concat(start, ...fields.map(indexedLiteral)), later: concat(start, Uint8Array.from(later)) };
}

/** A field that the receiver keeps (section 6.2.1), without Huffman coding. */
function indexedLiteral([name, value]: readonly [string, string]): Uint8Array {
  const index = NAMES[name] ?? 0;
  return concat(Uint8Array.of(0x40 | index), index === 0 ? text(name) : new Uint8Array(0), text(value));
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  const { length } = bytes;
  // Integers with a prefix of 7 bits (section 5.1); two bytes reach to 254.
  if (length > 254) throw new RangeError(`a header value of ${length} bytes`);
  return concat(length < 127 ? Uint8Array.of(length) : Uint8Array.of(127, length - 127), bytes);
}
