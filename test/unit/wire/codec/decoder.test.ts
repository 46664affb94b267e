import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { DatabaseSchema } from "../../../../gen/immudb/schema/database_pb.ts";
import { HistoryRequestSchema, KeyRequestSchema, SetRequestSchema } from "../../../../gen/immudb/schema/kv_pb.ts";
import { ZAddRequestSchema } from "../../../../gen/immudb/schema/sorted_set_pb.ts";
import { decoderOf } from "../../../../src/wire/codec/decoder.ts";

const key = Uint8Array.of(65, 66);

/** Decodes to the same message as the library. */
function assertRead(schema: DescMessage, ...bytes: number[]): void {
  assert.deepEqual(decoderOf(schema)(Uint8Array.from(bytes)), fromBinary(schema, Uint8Array.from(bytes)));
}

/** Is no message, for the library neither. */
function assertRefused(schema: DescMessage, ...bytes: number[]): void {
  assert.throws(() => fromBinary(schema, Uint8Array.from(bytes)));
  assert.throws(() => decoderOf(schema)(Uint8Array.from(bytes)));
}

function bytesOf<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): number[] {
  return [...toBinary(schema, create(schema, init))];
}

describe("a decoder", () => {
  test("hands out bytes as views, and a list of its own to every message", () => {
    const bytes = Uint8Array.from(bytesOf(SetRequestSchema, { KVs: [{ key, value: key }] }));
    const decode = decoderOf(SetRequestSchema);
    const [first, second] = [decode(bytes), decode(bytes)];
    assert.equal(first.KVs[0]?.key.buffer, bytes.buffer);
    assert.equal(second.KVs.length, 1);
    assert.notEqual(first.preconditions, second.preconditions);
  });

  test("keeps what is unknown", () => {
    const message = decoderOf(KeyRequestSchema)(Uint8Array.of(0x0a, 1, 65, 0x7a, 1, 5));
    assert.deepEqual(message.$unknown, [{ no: 15, wireType: 2, data: Uint8Array.of(1, 5) }]);
    assertRead(KeyRequestSchema, 0x0a, 1, 65, 0x7a, 1, 5);
  });

  test("reads numbers of any size, negative and padded ones", () => {
    for (const bits of [0n, 7n, 27n, 28n, 31n, 48n, 49n, 53n, 62n]) {
      for (const value of [1n << bits, (1n << bits) - 1n, -1n << bits]) {
        const limit = Number(BigInt.asIntN(32, value));
        assertRead(KeyRequestSchema, ...bytesOf(KeyRequestSchema, { atRevision: value }));
        assertRead(HistoryRequestSchema, ...bytesOf(HistoryRequestSchema, { limit }));
      }
    }
    assertRead(KeyRequestSchema, 0x28, 0x81, 0x80, 0x00);
    assertRead(KeyRequestSchema, 0xa8, 0x80, 0x00, 0x07);
    assertRefused(KeyRequestSchema, 0x28, ...new Array<number>(10).fill(0xff), 0);
  });

  test("reads text of any length and language, and refuses bytes that are none", () => {
    for (const databaseName of ["defaultdb", "x".repeat(200), "données", "\ufeffx", "日本"]) {
      assertRead(DatabaseSchema, ...bytesOf(DatabaseSchema, { databaseName }));
    }
    assertRefused(DatabaseSchema, 0x0a, 2, 0xc3, 0x28);
  });

  test("takes the last of a value that comes twice, and merges a message that does", () => {
    assertRead(KeyRequestSchema, 0x0a, 1, 65, 0x0a, 1, 66);
    const set = (metadata: object) => [0x0a, ...lengthAnd(bytesOf(SetRequestSchema, { KVs: [{ metadata }] }).slice(2))];
    const [deleted, expiring] = [set({ deleted: true }), set({ expiration: { expiresAt: 5n } })];
    assertRead(SetRequestSchema, 0x0a, ...lengthAnd([...deleted.slice(2), ...expiring.slice(2)]));
    const mustExist = (value: number) => [0x0a, 3, 0x0a, 1, value];
    assertRead(SetRequestSchema, 0x1a, ...lengthAnd([...mustExist(65), ...mustExist(66)]));
    assertRead(SetRequestSchema, 0x1a, ...lengthAnd([...mustExist(65), 0x12, 0]));
  });

  test("reads no further than the end of the message, nor of one inside it", () => {
    assertRefused(KeyRequestSchema, 0x0a, 2, 65);
    assertRefused(KeyRequestSchema, 0x0a);
    assertRefused(KeyRequestSchema, 0x10, 0x80);
    assertRefused(KeyRequestSchema, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f);
    // The key inside says that it is longer than what holds it: the library lets it have what follows.
    assertRead(SetRequestSchema, 0x0a, 3, 0x0a, 2, 65, 66);
    assertRefused(SetRequestSchema, 0x0a, 4, 0x0a, 3, 65);
    assertRefused(ZAddRequestSchema, 0x11, 0, 0, 0, 0, 0, 0, 0);
    assertRead(ZAddRequestSchema, ...bytesOf(ZAddRequestSchema, { set: key, score: -0.1 }));
  });

  test("refuses another wire type where its bytes mean nothing, groups without an end and tags of no field", () => {
    assertRefused(KeyRequestSchema, 0x08, 5);
    assertRefused(KeyRequestSchema, 0x7b, 0x0a, 0);
    assertRefused(KeyRequestSchema, 0x00, 1);
    assertRefused(KeyRequestSchema, 0x7f);
    assertRead(KeyRequestSchema, 0x7b, 0x0a, 0, 0x7c);
  });

  test("bounds how deep groups may nest", () => {
    assertRead(DatabaseSchema, ...new Array<number>(50).fill(0x7b), ...new Array<number>(50).fill(0x7c));
    assertRefused(DatabaseSchema, ...new Array<number>(200).fill(0x7b), ...new Array<number>(200).fill(0x7c));
  });
});

function lengthAnd(bytes: readonly number[]): number[] {
  return [bytes.length, ...bytes];
}
