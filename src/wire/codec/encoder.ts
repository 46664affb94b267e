// From what a handler returns to the bytes of its message.

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** Bytes before the message in a gRPC frame: a flag (0: not compressed) and the length as four bytes. */
const FRAME_HEAD_BYTES = 5;

export type Encode<Desc extends DescMessage> = (init: MessageInitShape<Desc>) => Uint8Array;

/** Encodes as `toBinary(schema, create(schema, init))` does. Throws Error for a field with a value that its type cannot have. */
export function encoderOf<Desc extends DescMessage>(schema: Desc): Encode<Desc> {
  return (init) => toBinary(schema, create(schema, init));
}

/** The same with the head of a gRPC frame in front (uncompressed), in one allocation. */
export function framedEncoderOf<Desc extends DescMessage>(schema: Desc): Encode<Desc> {
  const encode = encoderOf(schema);
  return (init) => {
    const message = encode(init);
    const frame = new Uint8Array(FRAME_HEAD_BYTES + message.length);
    new DataView(frame.buffer).setUint32(1, message.length);
    frame.set(message, FRAME_HEAD_BYTES);
    return frame;
  };
}
