// Which field of a message does each of its bytes belong to? For tests that change single bits of an answer.

import type { DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** Path of the field of each byte, as in `verifiableTx.dualProof.targetTxHeader.eH`. Tag and length bytes belong to their field. */
export function byteFields(schema: DescMessage, bytes: Uint8Array): readonly string[] {
  const paths = new Array<string>(bytes.length);
  walk(schema, bytes, 0, "", paths);
  return paths;
}

function walk(schema: DescMessage, bytes: Uint8Array, offset: number, prefix: string, paths: string[]): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field === undefined) throw new Error(`${schema.typeName} has no field ${number}`);
    const path = `${prefix}${field.localName}`;
    if (wireType === WireType.LengthDelimited && field.message !== undefined) {
      const length = reader.uint32();
      const contentStart = reader.pos;
      reader.pos += length;
      paths.fill(path, offset + start, offset + contentStart);
      walk(field.message, bytes.subarray(contentStart, reader.pos), offset + contentStart, `${path}.`, paths);
    } else {
      reader.skip(wireType, number);
      paths.fill(path, offset + start, offset + reader.pos);
    }
  }
}
