// The short way of unary gRPC calls where they wait: who goes away, what his deadline does, what a stop does; and that
// nothing of the budget is left behind whatever happens.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { HealthResponseSchema } from "../../../gen/immudb/schema/server_pb.ts";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import { silentLogger, silentMeter } from "../../../src/base/observe.ts";
import { Browsers } from "../../../src/server/browsers.ts";
import { ByteBudget } from "../../../src/server/byte-budget.ts";
import { openDoors } from "../../../src/server/doors.ts";
import { Port } from "../../../src/server/port.ts";
import type { CallContext } from "../../../src/services/call.ts";
import { CallFailure } from "../../../src/services/error-table.ts";
import type { UnaryMethod } from "../../../src/services/unary.ts";
import { decoderOf } from "../../../src/wire/codec/decoder.ts";
import { framedEncoderOf } from "../../../src/wire/codec/encoder.ts";

const PATH = "/immudb.schema.ImmuService/Health";
const EMPTY_FRAME = Buffer.alloc(5);
/** One unknown field of 5,997 octets: a message that takes its share of the budget. */
const LONG_FRAME = Buffer.concat([Buffer.from([0, 0, 0, 0x17, 0x70, 0x0a, 0xed, 0x2e]), Buffer.alloc(5997)]);

describe("a unary gRPC call that waits", () => {
  let port: Port;
  let client: ClientHttp2Session;
  let budget: ByteBudget;
  let stopping: AbortController;
  /** The call under way, and what ends its waiting. */
  let waiting: { ctx: CallContext; answer(): void; fail(error: unknown): void }[];
  let arrived: PromiseWithResolvers<void>;

  beforeEach(async () => {
    waiting = [];
    arrived = Promise.withResolvers();
    budget = new ByteBudget(100_000);
    stopping = new AbortController();
    const health = {
      messageBytesMax: 50_000,
      decode: decoderOf(EmptySchema),
      encodeFramed: framedEncoderOf(HealthResponseSchema),
      admit: (ctx: CallContext) =>
        ctx.header("x-refused") === undefined ? undefined : new CallFailure(Code.PermissionDenied, "no: ü%"),
      serve: (_message: object, ctx: CallContext) =>
        new Promise<object>((resolve, reject) => {
          waiting.push({ ctx, answer: () => resolve({ status: true, version: "v".repeat(3) }), fail: reject });
          arrived.resolve();
        }),
    } as unknown as UnaryMethod;
    const doors = openDoors(
      {
        routes: (router: ConnectRouter) => router.service(ImmuService, {}),
        routerOptions: { acceptCompression: [], readMaxBytes: 50_000 },
        unary: new Map([[PATH, health]]),
        requestStreams: new Map(),
        page: new Map(),
        browsers: new Browsers({ origins: [], hosts: undefined }),
        headers: { "immudb-uuid": "x" },
        messageBytesMax: 50_000,
        budget,
        publicBudget: budget,
        stopping: stopping.signal,
        logger: silentLogger,
        meter: silentMeter,
      },
      "own",
    );
    port = await Port.listen({ address: "127.0.0.1", port: 0, ...doors });
    client = connect(`http://127.0.0.1:${port.number}`);
  });
  afterEach(async () => {
    client.destroy();
    await port.close(0);
  });

  const call = (headers: Record<string, string> = {}): ClientHttp2Stream =>
    client.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });

  /** Its trailers. */
  async function trailersOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
    stream.resume();
    const [trailers] = (await once(stream, "trailers")) as [IncomingHttpHeaders];
    return trailers;
  }

  async function begun(stream: ClientHttp2Stream, frame: Uint8Array = LONG_FRAME): Promise<CallContext> {
    stream.on("error", () => {});
    stream.end(frame);
    await arrived.promise;
    return (waiting[0] as (typeof waiting)[number]).ctx;
  }

  test("is answered when it is done, and then nothing of the budget is taken", async () => {
    const stream = call();
    const { signal } = await begun(stream);
    assert.equal(budget.taken, LONG_FRAME.length);
    waiting[0]?.answer();
    assert.equal((await trailersOf(stream))["grpc-status"], "0");
    assert.equal(signal.aborted, false);
    assert.equal(budget.taken, 0);
  });

  test("hears that its caller has gone, and its answer goes nowhere", async () => {
    const stream = call();
    const { signal } = await begun(stream);
    stream.close(8);
    await once(signal, "abort");
    assert.equal(budget.taken, LONG_FRAME.length, "it is still being worked on");
    waiting[0]?.answer();
    const next = call();
    next.end(EMPTY_FRAME);
    while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    waiting[1]?.answer();
    assert.equal((await trailersOf(next))["grpc-status"], "0");
    assert.equal(budget.taken, 0);
  });

  test("hears that the connection is lost", async () => {
    const { signal } = await begun(call());
    client.destroy();
    await once(signal, "abort");
    waiting[0]?.answer();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(budget.taken, 0);
  });

  test("hears that its deadline has passed", async () => {
    const stream = call({ "grpc-timeout": "40m" });
    const { signal } = await begun(stream);
    assert.equal(signal.aborted, false);
    await once(signal, "abort");
    waiting[0]?.fail(new CallFailure(Code.DeadlineExceeded, "too late"));
    assert.equal((await trailersOf(stream))["grpc-status"], "4");
  });

  test("hears that the server stops", async () => {
    const { signal } = await begun(call());
    stopping.abort();
    assert.equal(signal.aborted, true);
  });

  test("tells its caller nothing about an error that nobody expected", async () => {
    const stream = call();
    await begun(stream);
    waiting[0]?.fail(new Error("secret"));
    const trailers = await trailersOf(stream);
    assert.equal(trailers["grpc-status"], "13");
    assert.equal(trailers["grpc-message"], "internal error");
  });

  test("is refused before its body has come, and the body is discarded", async () => {
    const stream = call({ "x-refused": "1" });
    const trailers = trailersOf(stream);
    stream.write(EMPTY_FRAME.subarray(0, 3));
    assert.equal((await trailers)["grpc-message"], "no: %C3%BC%25");
    assert.equal(budget.taken, 0);
    stream.destroy();
  });

  test("is refused when the budget is used up, unless it is short", async () => {
    budget.take(98_000);
    const stream = call();
    stream.end(LONG_FRAME);
    const trailers = await trailersOf(stream);
    assert.equal(trailers["grpc-status"], "8");
    assert.match(String(trailers["grpc-message"]), /max-inflight-bytes/);
    const short = call();
    await begun(short, EMPTY_FRAME);
    waiting[0]?.answer();
    assert.equal((await trailersOf(short))["grpc-status"], "0");
    assert.equal(budget.taken, 98_000);
  });

  test("is left to the router when its message is too long, with what has come of it", async () => {
    const stream = call();
    const frame = Buffer.alloc(50_006);
    frame.writeUInt32BE(50_001, 1);
    stream.end(frame);
    const trailers = await trailersOf(stream);
    assert.equal(trailers["grpc-status"], "8");
    assert.match(String(trailers["grpc-message"]), /50001 is larger/);
    assert.equal(budget.taken, 0);
  });
});
