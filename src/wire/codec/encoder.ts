// From what a handler returns to the bytes of its message, without making the message first. For each type of message a list
// of writers is made once from its description, one for each field, from the highest number to the lowest since messages are
// written backwards (base/message-writer.ts). A message with a field that is not written here is left to the library (fields.ts).

import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  type MessageInitShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { MessageWriter } from "../../base/message-writer.ts";
import { isDirect, tagOf, tagOfField } from "./fields.ts";

export type Encode<Desc extends DescMessage> = (init: MessageInitShape<Desc>) => Uint8Array;

/**
 * Key under which an object may bring lists of messages that are encoded already: by field name, in order, in pieces of whole
 * fields, tags included. Only encoders look at it; whoever else reads the field by its name must get the same messages.
 */
export const ENCODED: unique symbol = Symbol("encoded lists");

type Init = Readonly<Record<string, unknown>> & {
  readonly [ENCODED]?: Readonly<Record<string, readonly Uint8Array[]>>;
};
/** Writes a field of a message, or all its fields. */
type Write = (writer: MessageWriter, init: Init) => void;
/** Writes a value with its tag. */
type WriteValue = (writer: MessageWriter, value: unknown) => void;

const writer = new MessageWriter();

/**
 * Encodes as `toBinary(schema, create(schema, init))` does. The bytes are a view of a larger buffer, in which nobody writes
 * over them. Throws for a value that the type of its field cannot have.
 */
export function encoderOf<Desc extends DescMessage>(schema: Desc): Encode<Desc> {
  const write = messageWriter(schema);
  return (init) => {
    writer.start();
    write(writer, init as Init);
    return writer.finish();
  };
}

/** The same with the head of a gRPC frame in front: 00 (not compressed), u32 length. */
export function framedEncoderOf<Desc extends DescMessage>(schema: Desc): Encode<Desc> {
  const write = messageWriter(schema);
  return (init) => {
    writer.start();
    write(writer, init as Init);
    writer.frame();
    return writer.finish();
  };
}

const messageWriters = new Map<DescMessage, Write>();

function messageWriter(schema: DescMessage): Write {
  let write = messageWriters.get(schema);
  if (write !== undefined) return write;
  const fields: Write[] = [];
  write = isDirect(schema) ? directWriter(schema.typeName, fields) : libraryWriter(schema);
  // Known before its fields are: a type may contain itself.
  messageWriters.set(schema, write);
  if (isDirect(schema)) fields.push(...schema.fields.toSorted((a, b) => b.number - a.number).map(fieldWriter));
  return write;
}

function libraryWriter(schema: DescMessage): Write {
  return (writer, init) => writer.raw(toBinary(schema, create(schema, init)));
}

function directWriter(typeName: string, fields: readonly Write[]): Write {
  return (writer, init) => {
    // A message keeps what was unknown when it was read; of any other object only the fields count.
    if (init["$unknown"] !== undefined && init["$typeName"] === typeName) writeUnknown(writer, init);
    for (let i = 0; i < fields.length; i++) (fields[i] as Write)(writer, init);
  };
}

function writeUnknown(writer: MessageWriter, init: Init): void {
  for (const { no, wireType, data } of (init["$unknown"] as NonNullable<Message["$unknown"]>).toReversed()) {
    writer.raw(data);
    writer.tag(tagOf(no, wireType));
  }
}

function fieldWriter(field: DescField): Write {
  const name = field.localName;
  const write = valueWriter(field);
  if (field.oneof !== undefined) {
    const oneof = field.oneof.localName;
    return (writer, init) => {
      const chosen = init[oneof] as { readonly case?: string; readonly value?: unknown } | undefined;
      if (chosen !== undefined && chosen.case === name) write(writer, chosen.value);
    };
  }
  if (field.fieldKind === "list") {
    return (writer, init) => {
      const encoded = init[ENCODED]?.[name];
      if (encoded !== undefined) writeList(writer, encoded, writeEncoded);
      else if (init[name] !== undefined) writeList(writer, init[name] as readonly unknown[], write);
    };
  }
  return (writer, init) => {
    const value = init[name];
    if (value !== undefined) write(writer, value);
  };
}

function writeList(writer: MessageWriter, values: readonly unknown[], write: WriteValue): void {
  for (let i = values.length - 1; i >= 0; i--) write(writer, values[i]);
}

const writeEncoded: WriteValue = (writer, piece) => writer.raw(piece as Uint8Array);

/** Writes a value that is there; of a field without a presence of its own, only one that is not zero. */
function valueWriter(field: DescField): WriteValue {
  const tag = tagOfField(field);
  if (field.message !== undefined) return nestedWriter(tag, field.message);
  const scalar = field.scalar ?? ScalarType.INT32;
  const hasPresence = field.fieldKind === "list" || field.oneof !== undefined;
  const zero = hasPresence ? undefined : scalarZeroValue(scalar, false);
  // A closure for each type, so that each has its own inline caches.
  switch (scalar) {
    case ScalarType.BYTES: {
      const lengthMin = hasPresence ? 0 : 1;
      return (writer, value) => {
        if ((value as Uint8Array).length >= lengthMin) writer.bytes(tag, value as Uint8Array);
      };
    }
    case ScalarType.STRING:
      return (writer, value) => {
        if (value !== zero) writer.text(tag, value as string);
      };
    case ScalarType.BOOL:
      return (writer, value) => {
        if (value !== zero) writer.bool(tag, value as boolean);
      };
    case ScalarType.DOUBLE:
      // 0 is zero, -0 is not.
      return (writer, value) => {
        if (!Object.is(value, zero)) writer.double(tag, value as number);
      };
    case ScalarType.INT32:
      return (writer, value) => {
        if (value !== zero) writer.int32(tag, value as number);
      };
    case ScalarType.UINT32:
      return (writer, value) => {
        if (value !== zero) writer.uint32(tag, value as number);
      };
    case ScalarType.INT64:
      return (writer, value) => {
        if (value !== zero) writer.int64(tag, value as bigint);
      };
    default:
      return (writer, value) => {
        if (value !== zero) writer.uint64(tag, value as bigint);
      };
  }
}

function nestedWriter(tag: number, message: DescMessage): WriteValue {
  const write = messageWriter(message);
  return (writer, value) => {
    const lengthBefore = writer.length;
    write(writer, value as Init);
    writer.nested(tag, lengthBefore);
  };
}
