import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { type Call, RpcClient } from "../fuzz/rpc-client.ts";
import { startTestServer } from "../support/test-server.ts";

const GARBAGE = Uint8Array.of(0x0a, 0x7f);
const NOT_COMPRESSED = (message: Uint8Array): Uint8Array => Uint8Array.of(1, 0, 0, 0, message.length);

describe("a request that cannot be read", () => {
  test("is its sender's mistake, in every protocol, over both transports", async () => {
    for (const transport of ["own", "node"]) {
      await using server = await startTestServer({ transport, auth: "false" });
      const client = new RpcClient(server.url);
      const { get, streamScan, streamSet } = ImmuService.method;
      for (const method of [get, streamScan, streamSet]) {
        for (const protocol of ["grpc", "grpc-web", "connect"] as const) {
          for (const http of protocol === "grpc" ? ([2] as const) : ([1, 2] as const)) {
            const call: Call = {
              method,
              protocol,
              http,
              codec: "proto",
              isGet: false,
              headers: {},
              messages: [GARBAGE],
              envelope: undefined,
              leavesAfterMs: undefined,
            };
            const what = `${method.name} ${protocol} HTTP/${http} ${transport}`;
            const unreadable = await client.call(call);
            assert.equal(unreadable.status?.code, Code.InvalidArgument, `${what}: ${JSON.stringify(unreadable)}`);
            assert.match(unreadable.status.text, /parse binary/, what);
            if (protocol === "connect" && method === get) {
              assert.equal(unreadable.http, 400, what);
              continue;
            }
            const compressed = await client.call({ ...call, envelope: NOT_COMPRESSED });
            assert.equal(compressed.status?.code, Code.InvalidArgument, `${what}: ${JSON.stringify(compressed)}`);
          }
        }
      }
      client.close();
    }
  });
});
