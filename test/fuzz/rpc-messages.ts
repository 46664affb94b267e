// Messages made from their descriptors, in protobuf's bytes: right, incomplete, contradictory, or no message at all.

import { type DescField, type DescMessage, fromBinary, ScalarType, toJsonString } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { World } from "./rpc-world.ts";

const DEPTH_MAX = 6;

/** The bytes of some message of this type, or of none. */
export function messageBytes(type: DescMessage, world: World): Uint8Array {
  const { random } = world;
  if (random.chance(0.02)) return random.bytes(random.below(50));
  const writer = new BinaryWriter();
  writeFields(writer, type, world, 0);
  const bytes = writer.finish();
  if (bytes.length > 0 && random.chance(0.03)) {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }
  return random.chance(0.01) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** The same as JSON, where the bytes are a message; else text that is none. */
export function messageJson(type: DescMessage, world: World): Uint8Array {
  const { random } = world;
  let text: string;
  try {
    text = toJsonString(type, fromBinary(type, messageBytes(type, world)));
  } catch {
    text = world.pick([
      "",
      "{",
      "[]",
      "null",
      "1",
      '{"key":1}',
      '{"no such":{}}',
      "\u0000",
      `{"a":${"[".repeat(5000)}`,
    ]);
  }
  if (random.chance(0.03)) text = text.replace(/"/, world.pick(["", "\\u0000", "'"]));
  return new TextEncoder().encode(text);
}

function writeFields(writer: BinaryWriter, type: DescMessage, world: World, depth: number): void {
  const { random } = world;
  // How much of a message is there differs from message to message.
  const density = world.pick([0.2, 0.6, 0.8, 0.95]);
  for (const field of type.fields) {
    // Of a oneof mostly one member, and never by its place.
    const share = field.oneof === undefined ? density : 0.9 / field.oneof.fields.length + 0.05;
    if (!random.chance(share)) continue;
    if (random.chance(0.005)) {
      writer.tag(field.number, world.pick([WireType.Varint, WireType.Bit64, WireType.Bit32])).raw(random.bytes(8));
      continue;
    }
    const times = field.fieldKind === "list" ? world.members() : random.chance(0.01) ? 2 : 1;
    for (let i = 0; i < times; i++) writeField(writer, field, world, depth);
  }
  if (random.chance(0.02))
    writer.tag(world.pick([99, 1000, 536_870_911]), WireType.LengthDelimited).bytes(random.bytes(5));
}

function writeField(writer: BinaryWriter, field: DescField, world: World, depth: number): void {
  const scalar = field.fieldKind === "list" || field.fieldKind === "scalar" ? field.scalar : undefined;
  if (field.fieldKind === "enum" || (field.fieldKind === "list" && field.listKind === "enum")) {
    const values = field.enum?.values.map(({ number }) => number) ?? [];
    writer.tag(field.number, WireType.Varint).int32(world.pick([...values, ...values, -1, 99]));
  } else if (field.fieldKind === "map") {
    const key = field.mapKey === ScalarType.STRING ? world.textOf(field) : "";
    writer.tag(field.number, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).bytes(world.random.bytes(8)).join();
  } else if (field.message !== undefined && field.message !== null) {
    if (depth >= DEPTH_MAX) return;
    writer.tag(field.number, WireType.LengthDelimited).fork();
    writeFields(writer, field.message, world, depth + 1);
    writer.join();
  } else if (scalar !== undefined) writeScalar(writer, field, scalar, world);
}

function writeScalar(writer: BinaryWriter, field: DescField, scalar: ScalarType, world: World): void {
  switch (scalar) {
    case ScalarType.BYTES: {
      const bytes = field.name === "content" ? world.content() : world.bytesOf(field);
      writer.tag(field.number, WireType.LengthDelimited).bytes(bytes);
      return;
    }
    case ScalarType.STRING:
      writer.tag(field.number, WireType.LengthDelimited).string(world.textOf(field));
      return;
    case ScalarType.BOOL:
      writer.tag(field.number, WireType.Varint).bool(world.random.chance(0.5));
      return;
    case ScalarType.DOUBLE:
      writer.tag(field.number, WireType.Bit64).double(world.double());
      return;
    case ScalarType.FLOAT:
      writer.tag(field.number, WireType.Bit32).float(world.pick([0, 1, 50, 100, 200, -1, Number.NaN]));
      return;
    case ScalarType.INT64:
      writer.tag(field.number, WireType.Varint).int64(world.bigintOf(field, true));
      return;
    case ScalarType.UINT64:
      writer.tag(field.number, WireType.Varint).uint64(world.bigintOf(field, false));
      return;
    case ScalarType.INT32:
      writer.tag(field.number, WireType.Varint).int32(world.numberOf(field, true));
      return;
    case ScalarType.UINT32:
      writer.tag(field.number, WireType.Varint).uint32(world.numberOf(field, false));
      return;
    default:
      throw new Error(`no field of the contract has the scalar type ${ScalarType[scalar]}: ${field.name}`);
  }
}
