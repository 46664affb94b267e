// Streams over the wire: every protocol of the port, chunks of any length, callers that go away.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Client, Code, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { concat, equalBytes, u64, utf8 } from "../../src/base/bytes.ts";
import { CONNECTION_MEMORY_MB_MAX } from "../../src/base/limits.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { ADMIN, refusalOf } from "./support.ts";

const MIB = 1024 * 1024;
const VALUE = new Uint8Array(6 * MIB).map((_, i) => (i >>> 12) % 251);
/** Of a message, and of all together: there is no room for two that are kept as a whole. */
const BUDGET_BYTES = 13 * MIB;
/** A client sends one chunk as long as a value. */
const NODE_OPTIONS = { maxSessionMemory: CONNECTION_MEMORY_MB_MAX };

type Chunks = AsyncGenerator<{ content: Uint8Array }, void, undefined>;

/** A pair in chunks of this length. */
async function* pair(key: string, value: Uint8Array, chunkBytes = 64 * 1024): Chunks {
  const bytes = concat(u64(BigInt(key.length)), utf8(key), u64(BigInt(value.length)), value);
  for (let at = 0; at < bytes.length; at += chunkBytes) yield { content: bytes.subarray(at, at + chunkBytes) };
}

/** The beginning of a pair whose value is long, and then nothing for ever. */
async function* unfinished(key: string, begun: () => void, signal: AbortSignal): Chunks {
  yield { content: concat(u64(BigInt(key.length)), utf8(key), u64(BigInt(4 * MIB)), VALUE.subarray(0, 3 * MIB)) };
  begun();
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** All of a stream, whose end comes later. */
async function* waiting(chunks: Chunks, signal: AbortSignal): Chunks {
  yield* chunks;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

for (const transport of ["own", "node"]) {
  describe(`streams over the wire, transport ${transport}`, () => {
    let server: TestServer;
    let client: Client<typeof ImmuService>;
    let headers: { readonly sessionid: string };

    before(async () => {
      const budget = String(BUDGET_BYTES);
      server = await startTestServer({ transport, "max-inflight-bytes": budget, "max-recv-msg-size": budget });
      client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url, nodeOptions: NODE_OPTIONS }));
      headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
    });
    after(() => server[Symbol.asyncDispose]());

    async function isThere(key: string, reader: Client<typeof ImmuService> = client): Promise<boolean> {
      const parts: Uint8Array[] = [];
      for await (const { content } of reader.streamGet({ key: utf8(key) }, { headers })) parts.push(content);
      return equalBytes(concat(...parts).subarray(16 + key.length), VALUE);
    }

    /** Files of values that belong to no transaction. */
    function spooled(): string[] {
      const values = join(server.directory, "defaultdb", "values");
      return existsSync(values) ? readdirSync(values).filter((name) => name.endsWith(".unfinished")) : [];
    }

    for (const [name, of] of Object.entries<
      (options: { baseUrl: string; nodeOptions: typeof NODE_OPTIONS }) => Transport
    >({
      gRPC: createGrpcTransport,
      "gRPC-Web over HTTP/2": (options) => createGrpcWebTransport({ ...options, httpVersion: "2" }),
      "gRPC-Web over HTTP/1.1": ({ baseUrl }) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
      "Connect over HTTP/2": (options) => createConnectTransport({ ...options, httpVersion: "2" }),
      "Connect over HTTP/1.1": ({ baseUrl }) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    })) {
      // HTTP/1.1 is served by the same code under both.
      if (transport === "node" && name.endsWith("HTTP/1.1")) continue;
      test(`${name}: long values are written and read, in short chunks and in one, more of them than the budget`, async () => {
        const one = createClient(ImmuService, of({ baseUrl: server.url, nodeOptions: NODE_OPTIONS }));
        const lengths = [64 * 1024, VALUE.length + 100, VALUE.length + 100];
        await Promise.all(
          lengths.map(async (length, i) =>
            assert.equal((await one.streamSet(pair(`${name} ${i}`, VALUE, length), { headers })).nentries, 1),
          ),
        );
        for (const i of lengths.keys()) assert.ok(await isThere(`${name} ${i}`, one), `value ${i}`);
        assert.deepEqual(spooled(), []);
      });
    }

    test("what cannot be split takes its share of the budget, or is refused by the setting's name", async () => {
      const options = {
        baseUrl: server.url,
        httpVersion: "2",
        useBinaryFormat: false,
        nodeOptions: NODE_OPTIONS,
      } as const;
      const json = createClient(ImmuService, createConnectTransport(options));
      const ended = new AbortController();
      const first = json.streamSet(waiting(pair("json", VALUE.subarray(0, 2.5 * MIB), 3 * MIB), ended.signal), {
        headers,
      });
      while (spooled().length === 0) await turn();
      const refusal = await refusalOf(json.streamSet(pair("json", VALUE.subarray(0, 2.5 * MIB), 3 * MIB), { headers }));
      ended.abort();
      assert.equal(refusal.code, Code.ResourceExhausted);
      assert.match(refusal.text, /max-inflight-bytes/);
      assert.equal((await first).nentries, 1);
    });

    test("a caller who goes away in the middle leaves nothing behind", async () => {
      const before = (await client.currentState({}, { headers })).txId;
      const going = new AbortController();
      const begun = new Promise<void>((resolve) => {
        const answer = client.streamSet(unfinished("gone", resolve, going.signal), { headers, signal: going.signal });
        answer.catch(() => undefined);
      });
      await begun;
      while (spooled().length === 0) await turn();
      going.abort();
      while (spooled().length > 0) await turn();
      assert.equal((await client.currentState({}, { headers })).txId, before);
    });

    test("a deadline ends a stream, and what came of it is gone", async () => {
      const ended = new AbortController();
      const call = client.streamSet(
        unfinished("late", () => undefined, ended.signal),
        { headers, timeoutMs: 500 },
      );
      const { code } = await refusalOf(call);
      ended.abort();
      assert.equal(code, Code.DeadlineExceeded);
      while (spooled().length > 0) await turn();
    });

    test("a reader who goes away in the middle is let go of", async () => {
      await client.streamSet(pair("half", VALUE), { headers });
      const going = new AbortController();
      await assert.rejects(async () => {
        for await (const { content } of client.streamGet({ key: utf8("half") }, { headers, signal: going.signal }))
          if (content.length > 1000) going.abort();
      });
      assert.ok(await isThere("half"));
    });

    test("whoever has not logged in is refused before anything of his stream is taken", async () => {
      const { text } = await refusalOf(client.streamSet(pair("nobody", VALUE)));
      assert.equal(text, "not logged in");
    });
  });
}
