// Random messages of any type, from its description, and the types of all methods.

import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AuthorizationService } from "../../../../gen/immudb/model/authorization_pb.ts";
import { DocumentService } from "../../../../gen/immudb/model/document_service_pb.ts";
import { ImmuService } from "../../../../gen/immudb/schema/service_pb.ts";
import { VerifyService } from "../../../../gen/immudb/verify/v1/verify_pb.ts";

/** What every method of the contract takes and answers, each type once. */
export const METHOD_TYPES: readonly DescMessage[] = [
  ...new Set(
    [ImmuService, DocumentService, AuthorizationService, VerifyService].flatMap((service) =>
      service.methods.flatMap(({ input, output }) => [input, output] as DescMessage[]),
    ),
  ),
];

const UINT64_MAX = 2n ** 64n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Edges of the lengths that a varint can have. */
const powers = fc.integer({ min: 0, max: 63 }).map((bit) => 1n << BigInt(bit));
const uint64s = fc.oneof(
  fc.bigInt(0n, 300n),
  fc.bigInt(0n, UINT64_MAX),
  powers,
  powers.map((power) => power - 1n),
);
const int64s = fc.oneof(
  uint64s.map((value) => BigInt.asIntN(64, value)),
  fc.constant(INT64_MIN),
);
const uint32s = fc.oneof(
  fc.nat(300),
  uint64s.map((value) => Number(BigInt.asUintN(32, value))),
);
const int32s = uint32s.map((value) => value | 0);
const strings = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ minLength: 30, maxLength: 200 }));
const byteStrings = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 300 }));

const SCALARS: Readonly<Partial<Record<ScalarType, fc.Arbitrary<unknown>>>> = {
  [ScalarType.BYTES]: byteStrings,
  [ScalarType.STRING]: strings,
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.DOUBLE]: fc.double(),
  [ScalarType.FLOAT]: fc.float(),
  [ScalarType.INT32]: int32s,
  [ScalarType.UINT32]: uint32s,
  [ScalarType.INT64]: int64s,
  [ScalarType.UINT64]: uint64s,
};

/** Whatever `create` takes for the type: each field there or not, or undefined. */
export function initsOf(type: DescMessage, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const members = type.members.map((member): [string, fc.Arbitrary<unknown>] => [
    member.localName,
    member.kind === "oneof" ? choicesOf(member, depth) : fc.option(fieldsOf(member, depth), { nil: undefined }),
  ]);
  return fc.record(Object.fromEntries(members), { requiredKeys: [], noNullPrototype: true });
}

function choicesOf(oneof: DescOneof, depth: number): fc.Arbitrary<unknown> {
  const cases = oneof.fields.map((field) =>
    fc.record({ case: fc.constant(field.localName), value: fieldsOf(field, depth) }, { noNullPrototype: true }),
  );
  return fc.oneof(fc.constant(undefined), fc.constant({ case: undefined }), ...cases);
}

function fieldsOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "list":
      return fc.array(valuesOf(field, depth), { maxLength: 4 });
    case "map":
      return fc.dictionary(keysOf(field.mapKey), valuesOf(field, depth), { maxKeys: 3, noNullPrototype: true });
    default:
      return valuesOf(field, depth);
  }
}

function keysOf(scalar: ScalarType): fc.Arbitrary<string> {
  return scalar === ScalarType.STRING ? fc.string() : fc.nat().map(String);
}

function valuesOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.enum !== undefined)
    return fc.oneof(fc.constantFrom(...field.enum.values.map(({ number }) => number)), int32s);
  if (field.message === undefined) return SCALARS[field.scalar as ScalarType] as fc.Arbitrary<unknown>;
  if (field.message.typeName === "google.protobuf.Struct") return structs;
  return depth < 4 ? initsOf(field.message, depth + 1) : fc.constant({});
}

/** As the library keeps them in memory. */
const structs = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true });
