import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { escapeAsGrpc, escapeGrpcMessage } from "../../../src/server/grpc-message.ts";

test("a status text travels as it is, but for what a header cannot carry", () => {
  assert.equal(escapeGrpcMessage("tbtree: key not found"), "tbtree: key not found");
  assert.equal(escapeGrpcMessage("'x' (2501) & [a] = 100%"), "'x' (2501) & [a] = 100%25");
  assert.equal(escapeGrpcMessage("  a b "), "%20 a b%20");
  assert.equal(escapeGrpcMessage("Schlüssel\n🔑\u007f"), "Schl%C3%BCssel%0A%F0%9F%94%91%7F");
});

test("trailers that were escaped like a URL are escaped as gRPC does, and the others are left alone", () => {
  const sent: unknown[] = [];
  const response = { addTrailers: (trailers: unknown) => sent.push(trailers) } as unknown as ServerResponse;
  escapeAsGrpc(response);
  response.addTrailers({ "grpc-status": "2", "grpc-message": encodeURIComponent("tbtree: schlüssel 100%") });
  response.addTrailers({ "grpc-status": "0" });
  assert.deepEqual(sent, [
    { "grpc-status": "2", "grpc-message": "tbtree: schl%C3%BCssel 100%25" },
    { "grpc-status": "0" },
  ]);
});
