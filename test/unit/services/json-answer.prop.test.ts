import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { EntrySchema } from "../../../gen/immudb/schema/kv_pb.ts";
import { jsonAnswerOf } from "../../../src/services/json-answer.ts";
import { initsOf, METHOD_TYPES } from "../wire/codec/messages.ts";

describe("an answer in JSON, from what a handler may return or from a message, is what the library writes", () => {
  for (const type of METHOD_TYPES) {
    const write = jsonAnswerOf(type);
    test(type.typeName, () => {
      fc.assert(
        fc.property(initsOf(type), (init) => {
          const message = create(type, init);
          const expected = outcomeOf(() => toJsonString(type, message));
          assert.equal(
            outcomeOf(() => write(init)),
            expected,
          );
          assert.equal(
            outcomeOf(() => write(message)),
            expected,
          );
        }),
      );
    });
  }
});

test("a long value is written whole", () => {
  const value = new Uint8Array(3_000_000).map((_, i) => i * 7);
  const { value: text } = JSON.parse(jsonAnswerOf(EntrySchema)({ value })) as { value: string };
  assert.deepEqual(new Uint8Array(Buffer.from(text, "base64")), value);
});

/** The text, or why there is none: a google.protobuf.Value without a value has none. */
function outcomeOf(write: () => string): string {
  try {
    return write();
  } catch (error) {
    return String(error);
  }
}
