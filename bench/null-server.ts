// The HTTP/2 engine with nothing behind it: every request is answered by the same gRPC message. What is left is the price of
// the transport. Prints its port; ends when its standard input does.

import { createServer } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { HealthResponseSchema } from "../gen/immudb/schema/server_pb.ts";
import { concat, u32 } from "../src/base/bytes.ts";
import { silentLogger, silentMeter } from "../src/base/observe.ts";
import { encodeFields } from "../src/http2/header-fields.ts";
import { Http2Server } from "../src/http2/http2-server.ts";

const message = toBinary(HealthResponseSchema, create(HealthResponseSchema, { status: true, version: "1.11.1" }));
const body = concat(Uint8Array.of(0), u32(message.length), message);
const head = encodeFields([
  [":status", "200"],
  ["content-type", "application/grpc+proto"],
]);
const trailers = encodeFields([["grpc-status", "0"]]);

const http2 = new Http2Server({
  meter: silentMeter,
  logger: silentLogger,
  onRequest: (stream) => {
    stream.sink = {
      data: (chunk) => stream.consumed(chunk.length),
      end: () => stream.reply(head, body, trailers),
      aborted: () => {},
    };
  },
});
const listener = createServer({ noDelay: true }, (socket) => http2.accept(socket, socket.remoteAddress ?? ""));
listener.listen(0, "127.0.0.1", () => {
  const address = listener.address();
  console.log(typeof address === "object" && address !== null ? address.port : 0);
});
process.stdin.on("end", () => process.exit(0)).resume();
