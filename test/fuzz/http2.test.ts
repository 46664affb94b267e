import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../src/http2/frames.ts";
import { encodeFields } from "../../src/http2/header-fields.ts";
import { frame, settingsPayload, uint32 } from "./http2-frames.ts";
import { Judge } from "./http2-judge.ts";

const SECONDS = 20;
const NOTHING = new Uint8Array(0);

test(`${SECONDS} seconds of good and mutated conversations find nothing`, (t) => {
  const main = new URL("http2-main.ts", import.meta.url).pathname;
  const args = ["--expose-gc", main, "--seed", "1", "--minutes", String(SECONDS / 60)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 120_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const [, conversations, compared] = /(\d+) conversations .* (\d+) answers compared.* 0 findings/.exec(stdout) ?? [];
  assert.ok(Number(conversations) > 20 && Number(compared) > 20, stdout);
  t.diagnostic(stdout.trim().split("\n").at(-1) ?? "");
});

/** A judge of a conversation in which stream 1 was opened. */
function judge(): Judge {
  const judge = new Judge();
  judge.sent(PREFACE);
  judge.sent(frame(SETTINGS, 0, 0, settingsPayload([[4, 10]])));
  judge.sent(frame(HEADERS, END_HEADERS | END_STREAM, 1, NOTHING));
  judge.received(frame(SETTINGS, 0, 0, NOTHING));
  return judge;
}

const HEAD: Uint8Array = frame(HEADERS, END_HEADERS, 1, encodeFields([[":status", "200"]]));
const DATA_OF_10: Uint8Array = frame(DATA, 0, 1, new Uint8Array(10));
const TRAILERS: Uint8Array = frame(HEADERS, END_HEADERS | END_STREAM, 1, encodeFields([["grpc-status", "0"]]));
const END: Uint8Array = frame(DATA, END_STREAM, 1, NOTHING);
const ACKNOWLEDGED: Uint8Array = frame(SETTINGS, ACK, 0, NOTHING);

describe("a judge of what a server sends", () => {
  test("finds nothing wrong with a good answer, in pieces of any size", () => {
    const patient = judge();
    for (const bytes of [ACKNOWLEDGED, HEAD, DATA_OF_10, TRAILERS]) {
      for (const octet of bytes) patient.received(Uint8Array.of(octet));
    }
    assert.deepEqual(patient.findings, []);
    assert.equal(patient.answers.get(1)?.ended, true);
    assert.equal(patient.answers.get(1)?.bodyBytes, 10);
  });

  const wrong: Readonly<Record<string, readonly Uint8Array[]>> = {
    "DATA before HEADERS": [END],
    "DATA after the end": [HEAD, END, END],
    "HEADERS after the end": [HEAD, END, TRAILERS],
    "anything after RST_STREAM": [frame(RST_STREAM, 0, 1, uint32(8)), HEAD],
    "a stream that nobody opened": [frame(RST_STREAM, 0, 3, uint32(8))],
    "a stream that only a server could open": [frame(HEADERS, END_HEADERS, 2, encodeFields([[":status", "200"]]))],
    "a window overrun": [ACKNOWLEDGED, HEAD, DATA_OF_10, frame(DATA, 0, 1, Uint8Array.of(1))],
    "an answer without :status": [frame(HEADERS, END_HEADERS, 1, encodeFields([["date", "today"]]))],
    "a header block that is none": [frame(HEADERS, END_HEADERS, 1, Uint8Array.of(0x80))],
    "a header block with something in between": [frame(HEADERS, 0, 1, NOTHING), frame(PING, 0, 0, new Uint8Array(8))],
    "trailers that end nothing": [HEAD, frame(HEADERS, END_HEADERS, 1, encodeFields([["grpc-status", "0"]]))],
    "trailers with a pseudo-header": [
      HEAD,
      frame(HEADERS, END_HEADERS | END_STREAM, 1, encodeFields([[":status", "200"]])),
    ],
    "a frame that is too long": [HEAD, frame(DATA, 0, 1, new Uint8Array(16_385))],
    "flags that the type does not have": [frame(PING, 0x8, 0, new Uint8Array(8))],
    "a type that no server sends": [frame(0x2, 0, 1, new Uint8Array(5))],
    "an answer to no PING": [frame(PING, ACK, 0, new Uint8Array(8))],
    "an acknowledgement too many": [ACKNOWLEDGED, ACKNOWLEDGED],
    "SETTINGS of a stream": [frame(SETTINGS, 0, 1, NOTHING)],
    "DATA of no stream": [frame(DATA, 0, 0, NOTHING)],
    "more given back than was sent": [frame(WINDOW_UPDATE, 0, 1, uint32(1))],
    "a window that grows by nothing": [frame(WINDOW_UPDATE, 0, 0, uint32(0))],
    "a window above the limit": [frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))],
    "a frame after GOAWAY with an error": [frame(GOAWAY, 0, 0, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1)), HEAD],
    "GOAWAY with more streams than before": [
      frame(GOAWAY, 0, 0, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0)),
      frame(GOAWAY, 0, 0, Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 0)),
    ],
  };
  for (const [what, frames] of Object.entries(wrong)) {
    test(`finds ${what}`, () => {
      const strict = judge();
      for (const bytes of frames) strict.received(bytes);
      assert.equal(strict.findings.length, 1, strict.findings.join("; "));
    });
  }

  test("finds that SETTINGS do not come first", () => {
    const strict = new Judge();
    strict.received(frame(PING, 0, 0, new Uint8Array(8)));
    assert.match(strict.findings.join(), /the first frame is not SETTINGS/);
  });

  test("counts a smaller window from its acknowledgement on", () => {
    const patient = judge();
    for (const bytes of [HEAD, DATA_OF_10, DATA_OF_10]) patient.received(bytes);
    assert.deepEqual(patient.findings, []);
    patient.received(ACKNOWLEDGED);
    patient.received(END);
    assert.deepEqual(patient.findings, []);
  });
});
