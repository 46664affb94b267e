import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  EntriesSchema,
  EntryCountSchema,
  EntrySchema,
  ExpirationSchema,
  type KeyRequest,
  KeyRequestSchema,
  VerifiableGetRequestSchema,
} from "../../../../gen/immudb/schema/kv_pb.ts";
import { TxScanRequestSchema, TxSchema } from "../../../../gen/immudb/schema/tx_pb.ts";
import { encoderOf, framedEncoderOf } from "../../../../src/wire/codec/encoder.ts";

describe("an encoder", () => {
  test("writes a frame as a zero byte, the length and the message", () => {
    const init = { tx: 300n, key: Uint8Array.of(1, 2) };
    const message = [0x08, 0xac, 0x02, 0x12, 2, 1, 2];
    assert.deepEqual([...encoderOf(EntrySchema)(init)], message);
    assert.deepEqual([...framedEncoderOf(EntrySchema)(init)], [0, 0, 0, 0, message.length, ...message]);
  });

  test("leaves what it handed out alone when it writes on, past the end of a chunk too", () => {
    const encode = encoderOf(EntryCountSchema);
    const counts = Array.from({ length: 20_000 }, (_, i) => BigInt(i) << 20n);
    const messages = counts.map((count) => encode({ count }));
    messages.forEach((message, i) => {
      assert.equal(fromBinary(EntryCountSchema, message).count, counts[i]);
    });
  });

  for (const length of [65_500, 65_520, 65_536, 200_000, 3_000_000]) {
    test(`writes a value of ${length} bytes as any other, between small ones`, () => {
      const encode = framedEncoderOf(EntriesSchema);
      const small = { tx: 1n, value: new Uint8Array(50).fill(7) };
      const entries = [small, { tx: 2n, value: new Uint8Array(length).fill(9) }, small];
      const expected = toBinary(EntriesSchema, create(EntriesSchema, { entries }));
      for (let i = 0; i < 3; i++) {
        const before = encode({ entries: [small] });
        const copy = before.slice();
        assert.ok(Buffer.from(expected).equals(encode({ entries }).subarray(5)));
        assert.deepEqual(before, copy);
      }
    });
  }

  test("keeps the unknown fields of a message that was read, wherever it stands", () => {
    const unknown = Uint8Array.of(0x7a, 2, 5, 6, 0xf8, 0x01, 3);
    const inner = fromBinary(KeyRequestSchema, Uint8Array.of(0x0a, 1, 65, ...unknown));
    assert.equal(inner.$unknown?.length, 2);
    assertAsLibrary(KeyRequestSchema, inner);
    assertAsLibrary(VerifiableGetRequestSchema, { keyRequest: inner, proveSinceTx: 9n });
    const { $typeName: _, ...plain } = inner;
    assertAsLibrary(KeyRequestSchema, plain as KeyRequest);
  });

  test("refuses numbers that the type of their field does not have", () => {
    const refused: readonly (() => unknown)[] = [
      () => encoderOf(EntryCountSchema)({ count: -1n }),
      () => encoderOf(EntryCountSchema)({ count: 1n << 64n }),
      () => encoderOf(ExpirationSchema)({ expiresAt: 1n << 63n }),
      () => encoderOf(ExpirationSchema)({ expiresAt: -(1n << 63n) - 1n }),
      () => encoderOf(TxScanRequestSchema)({ limit: -1 }),
      () => encoderOf(TxScanRequestSchema)({ limit: 2 ** 32 }),
      () => encoderOf(TxScanRequestSchema)({ limit: 0.5 }),
      () => encoderOf(TxSchema)({ header: { version: 2 ** 31 } }),
      () => encoderOf(TxSchema)({ header: { version: -(2 ** 31) - 1 } }),
      () => encoderOf(TxSchema)({ header: { version: Number.NaN } }),
    ];
    for (const encode of refused) assert.throws(encode, RangeError);
    assertAsLibrary(EntryCountSchema, { count: 5n });
  });
});

function assertAsLibrary<Desc extends DescMessage>(
  schema: Desc,
  init: Parameters<typeof create<Desc>>[1] & object,
): void {
  assert.deepEqual(Uint8Array.from(encoderOf(schema)(init)), toBinary(schema, create(schema, init)));
}
