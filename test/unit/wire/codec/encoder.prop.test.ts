import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { encoderOf, framedEncoderOf } from "../../../../src/wire/codec/encoder.ts";
import { initsOf, METHOD_TYPES } from "./messages.ts";

describe("what is encoded, from what a handler may return or from a message, is what the library encodes", () => {
  for (const type of METHOD_TYPES) {
    const encode = encoderOf(type);
    const encodeFramed = framedEncoderOf(type);

    test(type.typeName, () => {
      fc.assert(
        fc.property(initsOf(type), (init) => {
          const message = create(type, init);
          const expected = toBinary(type, message);
          assert.deepEqual(Uint8Array.from(encode(init)), expected);
          assert.deepEqual(Uint8Array.from(encode(message)), expected);
          const head = new Uint8Array(5);
          new DataView(head.buffer).setUint32(1, expected.length);
          assert.deepEqual(Uint8Array.from(encodeFramed(init)), Uint8Array.of(...head, ...expected));
        }),
      );
    });
  }
});
