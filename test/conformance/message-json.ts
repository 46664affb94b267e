// Messages to and from the corpus' JSON form (see corpus.ts), by the schema's reflection. Deliberately not the protobuf
// library that the product uses: an independent reader of the same bytes.

import Long from "long";
import protobuf from "protobufjs";
import type { Json, JsonObject } from "./corpus.ts";

protobuf.util.Long = Long as typeof protobuf.util.Long;
protobuf.configure();

/** A message as protobufjs holds it: members by schema name. */
export type Message = { [name: string]: unknown };

/** Text when all printable ASCII, else "hex:…". */
export function bytesToJson(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  return /^[\x20-\x7e]*$/.test(text) && !text.startsWith("hex:") ? text : `hex:${Buffer.from(bytes).toString("hex")}`;
}

export function bytesFromJson(text: string): Uint8Array {
  return text.startsWith("hex:") ? Buffer.from(text.slice(4), "hex") : Buffer.from(text, "utf8");
}

/** The message that a corpus object says; an unknown member is an error of the corpus or of the schema. */
export function messageFromJson(type: protobuf.Type, json: JsonObject): Message {
  if (type.fullName === ".google.protobuf.Struct") return structFrom(json);
  const message: Message = {};
  for (const [name, value] of Object.entries(json)) {
    const field = type.fields[name];
    if (field === undefined) throw new Error(`unknown field ${type.fullName}.${name}`);
    field.resolve();
    if (field.map) {
      const entries = Object.entries(value as JsonObject).map(([k, v]) => [k, fieldFrom(field, v)]);
      message[name] = Object.fromEntries(entries);
    } else if (field.repeated) {
      message[name] = (value as readonly Json[]).map((v) => fieldFrom(field, v));
    } else if (value !== null || field.partOf !== null || field.resolvedType !== null) {
      message[name] = fieldFrom(field, value);
    }
  }
  return message;
}

function fieldFrom(field: protobuf.Field, value: Json): unknown {
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) return typeof value === "string" ? type.values[value] : value;
  if (type?.fullName === ".google.protobuf.Value") return valueFrom(value);
  if (type instanceof protobuf.Type) return messageFromJson(type, value as JsonObject);
  if (field.type === "bytes") return bytesFromJson(value as string);
  if (field.type.endsWith("64")) return Long.fromString(String(value), field.type.startsWith("u"));
  return value;
}

/** The corpus form of a message; unset members and default scalars outside a oneof are left out. */
export function messageToJson(type: protobuf.Type, message: Message): JsonObject {
  if (type.fullName === ".google.protobuf.Struct") return structTo(message);
  const out: Record<string, Json> = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    const value = own(message, field.name) ? message[field.name] : undefined;
    if (value === undefined || value === null) continue;
    if (field.map) {
      const entries = Object.entries(value).sort(byName);
      if (entries.length > 0) out[field.name] = Object.fromEntries(entries.map(([k, v]) => [k, fieldTo(field, v)]));
    } else if (field.repeated) {
      const items = value as unknown[];
      if (items.length > 0) out[field.name] = items.map((v) => fieldTo(field, v));
    } else {
      const json = fieldTo(field, value);
      if (field.partOf !== null || !isDefault(field, value, json)) out[field.name] = json;
    }
  }
  return out;
}

function fieldTo(field: protobuf.Field, value: unknown): Json {
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) return type.valuesById[value as number] ?? (value as number);
  if (type?.fullName === ".google.protobuf.Value") return valueTo(value as Message);
  if (type instanceof protobuf.Type) return messageToJson(type, value as Message);
  if (field.type === "bytes") return bytesToJson(value as Uint8Array);
  if (Long.isLong(value)) return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return { f: String(value) };
  return value as Json;
}

function isDefault(field: protobuf.Field, value: unknown, json: Json): boolean {
  if (field.resolvedType instanceof protobuf.Enum) return value === 0;
  return field.resolvedType === null && (json === 0 || json === "" || json === false || json === "0");
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** Whether the message itself carries the member (its prototype holds the defaults). */
export function own(message: Message, name: string): boolean {
  return Object.hasOwn(message, name) && message[name] !== undefined && message[name] !== null;
}

// Struct and Value are plain JSON in the corpus.

function structFrom(json: JsonObject): Message {
  return { fields: Object.fromEntries(Object.entries(json).map(([k, v]) => [k, valueFrom(v)])) };
}

function valueFrom(json: Json): Message {
  if (json === null) return { nullValue: 0 };
  if (typeof json === "number") return { numberValue: json };
  if (typeof json === "string") return { stringValue: json };
  if (typeof json === "boolean") return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(valueFrom) } };
  return { structValue: structFrom(json as JsonObject) };
}

function structTo(message: Message): JsonObject {
  const entries = Object.entries((message["fields"] ?? {}) as Record<string, Message>).sort(byName);
  return Object.fromEntries(entries.map(([k, v]) => [k, valueTo(v)]));
}

function valueTo(message: Message): Json {
  if (own(message, "numberValue")) return message["numberValue"] as number;
  if (own(message, "stringValue")) return message["stringValue"] as string;
  if (own(message, "boolValue")) return message["boolValue"] as boolean;
  if (own(message, "structValue")) return structTo(message["structValue"] as Message);
  if (own(message, "listValue")) return ((message["listValue"] as Message)["values"] as Message[]).map(valueTo);
  return null;
}
