// From the bytes of a request to its message.

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";

export type Decode<Desc extends DescMessage> = (bytes: Uint8Array) => MessageShape<Desc>;

/**
 * Decodes as `fromBinary(schema, bytes)` does, unknown fields included. Fields of bytes are views of `bytes`. Throws Error for
 * what is no message.
 */
export function decoderOf<Desc extends DescMessage>(schema: Desc): Decode<Desc> {
  return (bytes) => fromBinary(schema, bytes);
}
