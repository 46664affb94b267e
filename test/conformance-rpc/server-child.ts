// One server for the suite, which starts a process for each way it wants one:
//
//   node server-child.ts node|own
//   standard input     length (4 bytes, big-endian), ServerCompatRequest
//   standard output    length (4 bytes, big-endian), ServerCompatResponse, once the server listens
//
// It serves until SIGTERM ends it.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MESSAGE_BYTES_MAX } from "../../src/base/limits.ts";
import type { Transport } from "../../src/server/doors.ts";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.ts";
import { serve } from "./transports.ts";

const LENGTH_BYTES = 4;

const wanted = fromBinary(ServerCompatRequestSchema, await readMessage(process.stdin));
const port = await serve(process.argv[2] as Transport, wanted.messageReceiveLimit || MESSAGE_BYTES_MAX);
const response = create(ServerCompatResponseSchema, { host: "127.0.0.1", port: port.number });
const message = Buffer.from(toBinary(ServerCompatResponseSchema, response));
const length = Buffer.alloc(LENGTH_BYTES);
length.writeUInt32BE(message.length);
process.stdout.write(Buffer.concat([length, message]));

async function readMessage(input: AsyncIterable<Buffer>): Promise<Uint8Array> {
  let read: Buffer = Buffer.alloc(0);
  for await (const chunk of input) {
    read = Buffer.concat([read, chunk]);
    const end = read.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : LENGTH_BYTES + read.readUInt32BE();
    if (read.length >= end) return read.subarray(LENGTH_BYTES, end);
  }
  throw new Error("standard input ended inside of a message");
}
