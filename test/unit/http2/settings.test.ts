import assert from "node:assert/strict";
import { test } from "node:test";
import { ACK, PREFACE, readUint32, SETTINGS, WINDOW_DEFAULT, WINDOW_UPDATE } from "../../../src/http2/frames.ts";
import { ERROR_CODES } from "../../../src/http2/http2-error.ts";
import { http2Limits } from "../../../src/http2/http2-limits.ts";
import { frame, settingsPayload } from "../../fuzz/http2-frames.ts";
import { headers, RawClient, TestHttp2Server } from "../../support/raw-http2.ts";

test("a server begins with its limits and a wide window", async () => {
  await using server = await TestHttp2Server.start(undefined, { streamsMax: 7, connectionWindowBytes: 2 ** 20 });
  using client = await RawClient.connect(server);
  const settings = await client.take((f) => f.type === SETTINGS);
  const rows = new Map<number, number>();
  for (let at = 0; at < settings.payload.length; at += 6) {
    rows.set(settings.payload[at + 1] as number, readUint32(settings.payload, at + 2));
  }
  assert.deepEqual(
    [...rows],
    [
      [3, 7],
      [4, 2 ** 20],
      [6, 64 * 1024],
    ],
  );
  const update = await client.take((f) => f.type === WINDOW_UPDATE);
  assert.equal(update.streamId, 0);
  assert.equal(readUint32(update.payload, 0), 2 ** 20 - WINDOW_DEFAULT);
});

test("a preface that comes byte by byte is taken", async () => {
  await using server = await TestHttp2Server.start();
  using client = await RawClient.connect(server);
  for (const byte of [...PREFACE, ...frame(SETTINGS, 0, 0, new Uint8Array(0))]) {
    client.send(Uint8Array.of(byte));
    await new Promise(setImmediate);
  }
  await client.take((f) => f.type === SETTINGS && f.flags === ACK);
  client.send(headers(1));
  assert.equal((await client.reply(1)).status, "200");
});

const WRONG_BEGINNINGS: Readonly<Record<string, Uint8Array>> = {
  "another protocol": Buffer.from("PRI * HTTP/1.1\r\n\r\n"),
  "a request before SETTINGS": Buffer.concat([PREFACE, headers(1)]),
  "an acknowledgement before SETTINGS": Buffer.concat([PREFACE, frame(SETTINGS, ACK, 0, new Uint8Array(0))]),
};
for (const [what, bytes] of Object.entries(WRONG_BEGINNINGS)) {
  test(`${what} is no preface`, async () => {
    await using server = await TestHttp2Server.start();
    using client = await RawClient.connect(server);
    client.send(bytes);
    assert.equal((await client.goaway()).code, ERROR_CODES.PROTOCOL_ERROR);
  });
}

const WRONG_SETTINGS: readonly (readonly [what: string, frame: Uint8Array, code: number])[] = [
  ["ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, settingsPayload([[2, 2]])), ERROR_CODES.PROTOCOL_ERROR],
  ["a window of 2^31", frame(SETTINGS, 0, 0, settingsPayload([[4, 2 ** 31]])), ERROR_CODES.FLOW_CONTROL_ERROR],
  ["frames shorter than 16,384", frame(SETTINGS, 0, 0, settingsPayload([[5, 16_383]])), ERROR_CODES.PROTOCOL_ERROR],
  ["frames longer than 2^24-1", frame(SETTINGS, 0, 0, settingsPayload([[5, 2 ** 24]])), ERROR_CODES.PROTOCOL_ERROR],
  ["half a row", frame(SETTINGS, 0, 0, new Uint8Array(3)), ERROR_CODES.FRAME_SIZE_ERROR],
  ["settings in an acknowledgement", frame(SETTINGS, ACK, 0, settingsPayload([[4, 1]])), ERROR_CODES.FRAME_SIZE_ERROR],
  ["settings of a stream", frame(SETTINGS, 0, 1, new Uint8Array(0)), ERROR_CODES.PROTOCOL_ERROR],
];
for (const [what, bytes, code] of WRONG_SETTINGS) {
  test(`${what}: the connection ends`, async () => {
    await using server = await TestHttp2Server.start();
    using client = await RawClient.open(server);
    client.send(bytes);
    assert.equal((await client.goaway()).code, code);
  });
}

test("settings that nobody knows are ignored, and every frame is acknowledged", async () => {
  await using server = await TestHttp2Server.start();
  using client = await RawClient.open(server);
  client.send(
    frame(
      SETTINGS,
      0,
      0,
      settingsPayload([
        [99, 1],
        [2, 1],
        [1, 0],
        [5, 16_384],
        [3, 0],
      ]),
    ),
  );
  await client.take((f) => f.type === SETTINGS && f.flags === ACK);
  client.send(frame(SETTINGS, 0, 0, new Uint8Array(0)));
  await client.take((f) => f.type === SETTINGS && f.flags === ACK);
});

test("windows below the default of HTTP/2 cannot be configured", () => {
  assert.throws(() => http2Limits({ streamWindowBytes: 65_534 }), /window/);
  assert.throws(() => http2Limits({ connectionWindowBytes: 2 ** 31 }), /window/);
});
