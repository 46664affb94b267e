import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import { type Chunk, ChunkSchema } from "../../../gen/immudb/schema/stream_pb.ts";
import { concat, u64 } from "../../../src/base/bytes.ts";
import { EXPORTS_PER_STREAM } from "../../../src/base/limits.ts";
import { Exports } from "../../../src/client/exports.ts";
import { exportTx } from "../../../src/client/replication.ts";

/** A server whose transactions are their own numbers; `last`: the last one that is there. */
class Numbers {
  last = 5000n;
  streams = 0;
  calls = 0;
  hasStreams = true;
  answer: (tx: bigint) => Chunk[] = (tx) => [chunk(concat(u64(8n), u64(tx)))];

  exports(signal: AbortSignal = new AbortController().signal): Exports {
    const { rpc } = this;
    return new Exports({
      begin: (requests, ending) => rpc.streamExportTx(requests, { signal: ending }),
      one: (request, admit) => exportTx(rpc, request, undefined, { admit, signal }),
      signal,
    });
  }

  get rpc() {
    const server = this;
    const transport = createRouterTransport(({ service }) => {
      service(ImmuService, {
        async *exportTx({ tx }) {
          server.calls++;
          yield* server.#one(tx);
        },
        async *streamExportTx(requests) {
          if (!server.hasStreams) throw new ConnectError("unknown method", Code.Unimplemented);
          server.streams++;
          for await (const { tx } of requests) yield* server.#one(tx);
        },
      });
    });
    return createClient(ImmuService, transport);
  }

  #one(tx: bigint): Chunk[] {
    if (tx > this.last) throw new ConnectError("no new transactions", Code.Unknown);
    return this.answer(tx);
  }
}

function chunk(content: Uint8Array, committed?: bigint): Chunk {
  const metadata = committed === undefined ? {} : { "committed-txid-bin": u64(committed) };
  return create(ChunkSchema, { content, metadata });
}

function asking(exports: Exports, txs: readonly bigint[]) {
  return txs.map((tx) =>
    exports.ask({ tx, allowPrecommitted: false, skipIntegrityCheck: false, replica: undefined }, undefined),
  );
}

describe("transactions that are asked for ahead", () => {
  test("come over one call, in order, and over another one when that has carried enough", async () => {
    const numbers = new Numbers();
    const txs = Array.from({ length: EXPORTS_PER_STREAM + 3 }, (_, i) => BigInt(i + 1));
    const answers = await Promise.all(asking(numbers.exports(), txs));
    assert.deepEqual(
      answers.map(({ blob }) => blob),
      txs.map((tx) => u64(tx)),
    );
    assert.equal(numbers.streams, 2);
    assert.equal(numbers.calls, 0);
  });

  test("are put together from chunks cut anywhere, and may be empty, with what the first chunk says", async () => {
    const numbers = new Numbers();
    numbers.answer = (tx) => {
      const whole = concat(u64(8n), u64(tx));
      if (tx === 2n) return [chunk(u64(0n), 7n)];
      if (tx === 3n) return [chunk(new Uint8Array(), 8n)];
      return [chunk(whole.subarray(0, 3), 6n), chunk(whole.subarray(3, 12)), chunk(whole.subarray(12))];
    };
    const answers = await Promise.all(asking(numbers.exports(), [1n, 2n, 3n, 4n]));
    assert.deepEqual(
      answers.map(({ blob, committedTxId }) => [blob, committedTxId]),
      [
        [u64(1n), 6n],
        [undefined, 7n],
        [undefined, 8n],
        [u64(4n), 6n],
      ],
    );
  });

  test("have no answer behind one that is not there, and can be asked for again", async () => {
    const numbers = new Numbers();
    numbers.last = 2n;
    const exports = numbers.exports();
    const answers = await Promise.all(asking(exports, [2n, 3n, 4n]));
    assert.deepEqual(
      answers.map(({ blob }) => blob),
      [u64(2n), undefined, undefined],
    );
    numbers.last = 3n;
    const [again] = await Promise.all(asking(exports, [3n]));
    assert.deepEqual(again?.blob, u64(3n));
  });

  test("are asked for by calls of their own where the server has no streams", async () => {
    const numbers = new Numbers();
    numbers.hasStreams = false;
    const exports = numbers.exports();
    const answers = await Promise.all([...asking(exports, [1n, 2n]), ...asking(exports, [3n])]);
    assert.deepEqual(
      answers.map(({ blob }) => blob),
      [u64(1n), u64(2n), u64(3n)],
    );
    assert.equal(numbers.calls, 3);
  });

  test("are refused when the server sends what is none, or nobody asked for", async () => {
    const numbers = new Numbers();
    numbers.answer = (tx) => [chunk(concat(u64(2n), u64(tx)))];
    await assert.rejects(Promise.all(asking(numbers.exports(), [1n])), { code: "export_malformed" });
  });

  test("end with the signal", async () => {
    const numbers = new Numbers();
    const leaving = new AbortController();
    const [asked] = asking(numbers.exports(leaving.signal), [1n]);
    leaving.abort();
    await assert.rejects(asked as Promise<unknown>);
  });
});
