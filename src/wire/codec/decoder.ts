// From the bytes of a request to its message. For each type of message a table of readers is made once from its description,
// one for each tag. Whatever is not as writers usually write it (reader.ts), and every type with a field that is not read here
// (fields.ts), is left to the library: what a message means, and what is none, is decided in one place.

import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { isDirect, tagOfField } from "./fields.ts";
import { MessageReader } from "./reader.ts";

export type Decode<Desc extends DescMessage> = (bytes: Uint8Array) => MessageShape<Desc>;

type Draft = Record<string, unknown>;
/** Reads a whole message. */
type ReadMessage = (reader: MessageReader) => Draft;
/** Reads the value behind one tag into the message. */
type ReadField = (reader: MessageReader, message: Draft) => void;
type ReadValue = (reader: MessageReader) => unknown;

/**
 * Decodes as `fromBinary(schema, bytes)` does, unknown fields included. Values of bytes are views of `bytes`. Throws Error for
 * what is no message.
 */
export function decoderOf<Desc extends DescMessage>(schema: Desc): Decode<Desc> {
  const read = messageReader(schema);
  if (read === undefined) return (bytes) => fromBinary(schema, bytes);
  return (bytes) => {
    const reader = new MessageReader(bytes);
    const message = read(reader);
    return reader.gaveUp ? fromBinary(schema, bytes) : (message as MessageShape<Desc>);
  };
}

const messageReaders = new Map<DescMessage, ReadMessage | undefined>();

/** Undefined: the type, or one inside it, is left to the library. */
function messageReader(schema: DescMessage): ReadMessage | undefined {
  if (!messageReaders.has(schema)) {
    // A type that contains itself finds this while its own reader is made, and is left to the library: it nests without end.
    messageReaders.set(schema, undefined);
    messageReaders.set(schema, makeMessageReader(schema));
  }
  return messageReaders.get(schema);
}

function makeMessageReader(schema: DescMessage): ReadMessage | undefined {
  if (!isDirect(schema)) return undefined;
  const fields: ReadField[] = [];
  for (const field of schema.fields) {
    const read = valueReader(field);
    if (read === undefined) return undefined;
    fields[tagOfField(field)] = fieldReader(field, read);
  }
  const zero: Draft = { ...create(schema) };
  const lists = schema.fields.filter(({ fieldKind }) => fieldKind === "list").map(({ localName }) => localName);
  return (reader) => {
    const message = { ...zero };
    for (let i = 0; i < lists.length; i++) message[lists[i] as string] = [];
    while (reader.hasMore) {
      const readField = fields[reader.varint()];
      if (readField === undefined) reader.giveUp();
      else readField(reader, message);
    }
    return message;
  };
}

function fieldReader(field: DescField, read: ReadValue): ReadField {
  const name = field.localName;
  if (field.fieldKind === "list") return (reader, message) => (message[name] as unknown[]).push(read(reader));
  if (field.oneof !== undefined) {
    const oneof = field.oneof.localName;
    return (reader, message) => {
      // A message that comes twice is merged, by the library.
      if ((message[oneof] as { readonly case?: string }).case !== undefined) reader.giveUp();
      else message[oneof] = { case: name, value: read(reader) };
    };
  }
  if (field.fieldKind === "message") {
    return (reader, message) => {
      if (message[name] !== undefined) reader.giveUp();
      else message[name] = read(reader);
    };
  }
  return (reader, message) => {
    message[name] = read(reader);
  };
}

function valueReader(field: DescField): ReadValue | undefined {
  if (field.message !== undefined) {
    const read = messageReader(field.message);
    return read && ((reader) => reader.nested(read));
  }
  switch (field.scalar) {
    case ScalarType.BYTES:
      return (reader) => reader.bytes();
    case ScalarType.STRING:
      return (reader) => reader.text();
    case ScalarType.BOOL:
      return (reader) => reader.varint() !== 0;
    case ScalarType.DOUBLE:
      return (reader) => reader.double();
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return (reader) => reader.varint64();
    default:
      return (reader) => reader.varint();
  }
}
