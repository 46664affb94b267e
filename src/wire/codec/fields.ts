// Which fields are read and written here, and which are left to the protobuf library: maps, lists of numbers, floats,
// presence that is not proto3's, and the well-known types, some of which are plain values in memory. No reply or request that
// is sent often has one of these.

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** Wire types. */
export const VARINT = 0;
export const EIGHT_BYTES = 1;
export const LENGTH_DELIMITED = 2;

/** Number and wire type of a field in one, as they stand in front of its value. */
export function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0;
}

/** The tag in front of a field's value, or of each value of a list. */
export function tagOfField(field: DescField): number {
  return tagOf(field.number, wireTypeOf(field));
}

function wireTypeOf(field: DescField): number {
  if (field.fieldKind === "enum") return VARINT;
  if (field.fieldKind !== "scalar") return LENGTH_DELIMITED;
  switch (field.scalar) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
      return LENGTH_DELIMITED;
    case ScalarType.DOUBLE:
      return EIGHT_BYTES;
    default:
      return VARINT;
  }
}

const DIRECT_SCALARS: ReadonlySet<ScalarType> = new Set([
  ScalarType.BYTES,
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.DOUBLE,
]);

/** Whether all fields of the message itself are such as are read and written here. */
export function isDirect(message: DescMessage): boolean {
  return message.fields.every(isDirectField);
}

function isDirectField(field: DescField): boolean {
  switch (field.fieldKind) {
    case "map":
      return false;
    case "message":
      return isOwn(field.message);
    case "list":
      if (field.listKind === "message") return isOwn(field.message);
      return field.scalar === ScalarType.BYTES || field.scalar === ScalarType.STRING;
    case "enum":
      return hasPlainPresence(field) && field.enum.open;
    case "scalar":
      return hasPlainPresence(field) && DIRECT_SCALARS.has(field.scalar) && field.longAsString === false;
  }
}

function isOwn(message: DescMessage): boolean {
  return !message.typeName.startsWith("google.protobuf.");
}

/** There unless zero, or a case of a oneof. */
function hasPlainPresence(field: DescField): boolean {
  return field.oneof !== undefined || field.presence === FeatureSet_FieldPresence.IMPLICIT;
}
