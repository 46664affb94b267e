import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { VerifiableSetRequestSchema } from "../../../../gen/immudb/schema/kv_pb.ts";
import { decoderOf } from "../../../../src/wire/codec/decoder.ts";
import { initsOf, METHOD_TYPES } from "./messages.ts";

describe("what is decoded is what the library decodes", () => {
  for (const type of METHOD_TYPES) {
    test(type.typeName, () => {
      const encodings = initsOf(type).map((init) => toBinary(type, create(type, init)));
      const cases = fc.oneof(
        encodings,
        fc
          .tuple(encodings, fc.array(damages, { minLength: 1, maxLength: 3 }))
          .map(([bytes, list]) => list.reduce(damaged, bytes)),
        // Messages merge.
        fc.tuple(encodings, encodings).map(([first, second]) => Uint8Array.of(...first, ...second)),
        fc.array(fields(3), { maxLength: 6 }).map((parts) => Uint8Array.from(parts.flat())),
        fc.uint8Array({ maxLength: 30 }),
      );
      fc.assert(
        fc.property(cases, (bytes) => assertAsLibrary(type, bytes)),
        { numRuns: 200 },
      );
    });
  }

  test("a message cut short at any byte", () => {
    const key = Uint8Array.of(65, 66);
    const setRequest = { KVs: [{ key, value: key, metadata: { expiration: { expiresAt: -1n } } }], noWait: true };
    const preconditions = [{ precondition: { case: "keyMustExist" as const, value: { key } } }];
    const init = { setRequest: { ...setRequest, preconditions }, proveSinceTx: 1n << 60n };
    const bytes = toBinary(VerifiableSetRequestSchema, create(VerifiableSetRequestSchema, init));
    for (let length = 0; length <= bytes.length; length++) {
      // More bytes behind the end must not be seen.
      assertAsLibrary(VerifiableSetRequestSchema, bytes.subarray(0, length));
    }
  });
});

/** The same message, or none on both sides. */
function assertAsLibrary(type: DescMessage, bytes: Uint8Array): void {
  const expected = resultOf(() => fromBinary(type, bytes));
  const actual = resultOf(() => decoderOf(type)(bytes));
  assert.deepEqual(actual, expected);
}

function resultOf(decode: () => object): object | "no message" {
  try {
    return decode();
  } catch {
    return "no message";
  }
}

type Damage = { readonly kind: "cut" | "flip" | "insert"; readonly at: number; readonly part: readonly number[] };

const varints = fc.bigInt(0n, 2n ** 64n - 1n).map(varint);
const smallVarints = fc.nat(70).map((value) => varint(BigInt(value)));
/** The same number with bytes that say nothing. */
const padded = fc
  .tuple(smallVarints, fc.nat(10))
  .map(([bytes, more]) => [
    ...bytes.slice(0, -1),
    (bytes.at(-1) as number) | 0x80,
    ...new Array<number>(more).fill(0x80),
    0,
  ]);
const numbers = fc.oneof(smallVarints, varints, padded);

/** A field with any number and wire type: groups, lengths beyond the end and tags of no meaning included. */
function fields(depth: number): fc.Arbitrary<number[]> {
  const number = fc.oneof({ weight: 8, arbitrary: fc.nat(12) }, fc.nat(2 ** 29 - 1));
  const content =
    depth === 0
      ? fc.array(fc.nat(255), { maxLength: 5 })
      : fc.array(fields(depth - 1), { maxLength: 3 }).map((parts) => parts.flat());
  return fc.tuple(number, fc.nat(7), numbers, content, fc.nat(9)).map(([no, wireType, value, bytes, chance]) => {
    const tag = varint(BigInt(no) * 8n + BigInt(wireType));
    switch (wireType) {
      case 0:
        return [...tag, ...value];
      case 1:
        return [...tag, ...new Array<number>(8).fill(chance)];
      case 2:
        return chance === 0 ? [...tag, ...value, ...bytes] : [...tag, ...varint(BigInt(bytes.length)), ...bytes];
      case 3:
        return [...tag, ...bytes, ...varint(BigInt(no) * 8n + (chance === 0 ? 12n : 4n))];
      case 5:
        return [...tag, ...new Array<number>(4).fill(chance)];
      default:
        return tag;
    }
  });
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

const damages: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("cut", "flip", "insert"),
  at: fc.nat(400),
  part: fc.oneof(fields(1), numbers, fc.array(fc.nat(255), { maxLength: 3 })),
});

function damaged(bytes: Uint8Array, { kind, at, part }: Damage): Uint8Array {
  const place = at % (bytes.length + 1);
  switch (kind) {
    case "cut":
      return bytes.subarray(0, place);
    case "flip":
      return bytes.map((byte, i) => (i === place ? byte ^ (1 << (at & 7)) : byte));
    case "insert":
      return Uint8Array.of(...bytes.subarray(0, place), ...part, ...bytes.subarray(place));
  }
}
