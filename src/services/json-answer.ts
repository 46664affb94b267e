// Answers in protobuf's JSON form, straight from what handlers return: as `toJsonString(schema, create(schema, init))` does, but
// without making the message first, and with Node's own base64. The library puts a text of base64 together character by
// character, which takes a second for ten megabytes.
//
// One writer for each message type, made when it is first needed. Types with a form of their own (google.protobuf.*), maps and
// extensions are left to the library, with all that contains them.

import {
  create,
  type DescField,
  type DescMessage,
  type JsonValue,
  type MessageInitShape,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

type Init = Readonly<Record<string, unknown>>;
type Json = Record<string, JsonValue>;
type WriteValue = (value: unknown) => JsonValue;
type WriteField = (init: Init, json: Json) => void;

/** Writes an answer of this type. Throws Error for a field with a value that its type cannot have. */
export function jsonAnswerOf(schema: DescMessage): (init: object) => string {
  const write = isPlain(schema) ? messageWriter(schema) : byLibrary(schema);
  return (init) => JSON.stringify(write(init));
}

function byLibrary(schema: DescMessage): WriteValue {
  return (init) => toJson(schema, create(schema, init as MessageInitShape<DescMessage>));
}

/** Whether neither the type nor any in it has a form of its own. */
function isPlain(schema: DescMessage, seen: Set<DescMessage> = new Set()): boolean {
  if (seen.has(schema)) return true;
  seen.add(schema);
  if (schema.typeName.startsWith("google.protobuf.") && schema.typeName !== "google.protobuf.Empty") return false;
  return schema.fields.every((field) => {
    if (field.fieldKind === "map" || field.jsonName === "__proto__") return false;
    const isEnum = field.fieldKind === "enum" || (field.fieldKind === "list" && field.listKind === "enum");
    if (isEnum && field.enum?.typeName === "google.protobuf.NullValue") return false;
    return field.message === undefined || isPlain(field.message, seen);
  });
}

const writers = new WeakMap<DescMessage, WriteValue>();

function messageWriter(schema: DescMessage): WriteValue {
  const known = writers.get(schema);
  if (known !== undefined) return known;
  const fields: WriteField[] = [];
  const write: WriteValue = (init) => {
    const json: Json = {};
    for (const field of fields) field(init as Init, json);
    return json;
  };
  // Before its fields, which may be of the same type.
  writers.set(schema, write);
  for (const field of schema.fields.toSorted((a, b) => a.number - b.number)) fields.push(fieldWriter(field));
  return write;
}

function fieldWriter(field: DescField): WriteField {
  const { jsonName, localName } = field;
  const write = valueWriter(field);
  if (field.fieldKind === "list") {
    return (init, json) => {
      const values = init[localName] as readonly unknown[] | undefined;
      if (values !== undefined && values.length > 0) json[jsonName] = values.map(write);
    };
  }
  if (field.oneof !== undefined) {
    const oneof = field.oneof.localName;
    return (init, json) => {
      const chosen = init[oneof] as { readonly case?: string; readonly value?: unknown } | undefined;
      if (chosen?.case === localName) json[jsonName] = write(chosen.value);
    };
  }
  const isAbsent = absence(field);
  return (init, json) => {
    const value = init[localName];
    if (value !== undefined && !isAbsent(value)) json[jsonName] = write(value);
  };
}

/** Whether a value of a field that says nothing when it is zero is that. */
function absence(field: DescField): (value: unknown) => boolean {
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT) return () => false;
  if (field.fieldKind === "enum") {
    const zero = field.enum.values[0]?.number;
    return (value) => value === zero;
  }
  switch (field.scalar) {
    case ScalarType.BOOL:
      return (value) => value === false;
    case ScalarType.STRING:
      return (value) => value === "";
    case ScalarType.BYTES:
      return (value) => (value as Uint8Array).length === 0;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => Object.is(value, 0);
    default:
      return (value) => value === 0 || value === 0n;
  }
}

function valueWriter(field: DescField): WriteValue {
  if (field.message !== undefined) return messageWriter(field.message);
  if (field.enum !== undefined) {
    const { value: byNumber } = field.enum;
    return (value) =>
      (byNumber[value as number] as { readonly jsonName: string } | undefined)?.jsonName ?? (value as number);
  }
  switch (field.scalar) {
    case ScalarType.BYTES:
      return (value) => base64(value as Uint8Array);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return (value) => String(value);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => (Number.isFinite(value) ? (value as number) : String(value));
    default:
      return (value) => value as JsonValue;
  }
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
