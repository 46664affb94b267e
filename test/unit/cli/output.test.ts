import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { entryAnswer } from "../../../src/cli/entry-block.ts";
import { type Answer, bytesToJson, printAnswer, printFailure, type Sink } from "../../../src/cli/output.ts";
import type { Entry } from "../../../src/proof/model.ts";

class Stream implements Sink {
  readonly isTTY: boolean;
  readonly #chunks: Buffer[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(chunk: string | Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk as Uint8Array));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function printed(answer: Answer, stream: Stream): string {
  printAnswer(answer, "text", stream);
  return stream.bytes.toString("latin1");
}

const holding = (value: Uint8Array): Answer => ({ text: ["value: ", value, "\n"], json: null });

describe("stored bytes", () => {
  const bytes = Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0x00, 0xff, 0x0d, 0x61);

  test("reach a pipe exactly as they are", () => {
    assert.equal(printed(holding(bytes), new Stream()), "value: \x1b[2J\x00\xff\ra\n");
  });

  test("cannot control a terminal", () => {
    assert.equal(printed(holding(bytes), new Stream(true)), "value: \\x1b[2J\\x00\\xff\\x0da\n");
    for (const [hostile, harmless] of [
      ["\u009b2J", "\\xc2\\x9b2J"],
      ["a\u202eb", "a\\xe2\\x80\\xaeb"],
      ["a\rb", "a\\x0db"],
      ["\u007f", "\\x7f"],
    ] as const) {
      assert.equal(printed(holding(utf8(hostile)), new Stream(true)), `value: ${harmless}\n`);
    }
  });

  test("that are text are shown as text on a terminal, too", () => {
    const text = "Grüße\t→ 漢字\nzweite Zeile";
    assert.equal(
      Buffer.from(printed(holding(utf8(text)), new Stream(true)), "latin1").toString("utf8"),
      `value: ${text}\n`,
    );
  });

  test("are base64 in JSON, and text where they are text", () => {
    assert.deepEqual(bytesToJson(utf8("ä\n")), { text: "ä\n", base64: "w6QK" });
    assert.deepEqual(bytesToJson(Uint8Array.of(0xff)), { base64: "/w==" });
    assert.deepEqual(bytesToJson(Uint8Array.of(0x61, 0x00)), { base64: "YQA=" });
    assert.deepEqual(bytesToJson(new Uint8Array()), { text: "", base64: "" });
    assert.deepEqual(bytesToJson(utf8("\ufeffx")), { text: "\ufeffx", base64: "77u/eA==" });
  });
});

describe("an entry", () => {
  const entry: Entry = {
    tx: 2n,
    key: utf8("k1"),
    value: utf8("v2"),
    metadata: { deleted: true, expiresAt: 5n, nonIndexable: true },
    expired: false,
    revision: 2n,
    referencedBy: undefined,
  };

  test("shows its metadata only when there is some, and its revision only when it is known", () => {
    const block = (of: Entry): string => printed(entryAnswer(of), new Stream());
    assert.equal(
      block(entry),
      "tx:       2\nrev:      2\nkey:      k1\nmetadata: {deleted:true,expiresAt:5,nonIndexable:true}\nvalue:    v2\n",
    );
    assert.equal(block({ ...entry, metadata: undefined, revision: 0n }), "tx:       2\nkey:      k1\nvalue:    v2\n");
  });

  test("says in JSON through which reference it was found", () => {
    const reference = { tx: 3n, key: utf8("ref"), atTx: 0n, metadata: undefined, revision: 1n };
    assert.deepEqual(entryAnswer({ ...entry, referencedBy: reference }, undefined).json, {
      tx: "2",
      revision: "2",
      key: { text: "k1", base64: "azE=" },
      value: { text: "v2", base64: "djI=" },
      metadata: { deleted: true, expiresAt: "5", nonIndexable: true },
      referencedBy: { tx: "3", key: { text: "ref", base64: "cmVm" }, atTx: "0" },
      verified: false,
    });
  });
});

describe("an error", () => {
  const failure = { exit: 4, code: "not_logged_in", message: "not logged in", next: "run: immuclient login USER" };
  const shown = (stream: Stream): string => {
    printFailure(failure, "text", stream);
    return stream.bytes.toString();
  };

  test("cannot control a terminal with the server's words", () => {
    const stream = new Stream(true);
    printFailure({ ...failure, message: "gone\x1b[2J\r", next: undefined }, "text", stream);
    assert.ok(stream.bytes.toString().endsWith(" gone\\x1b[2J\\x0d\n"));
  });

  test("is two plain lines in a pipe, coloured on a terminal, and plain there with NO_COLOR", () => {
    const plain = "error: not logged in\n next: run: immuclient login USER\n";
    const { NO_COLOR } = process.env;
    try {
      delete process.env["NO_COLOR"];
      assert.equal(shown(new Stream()), plain);
      assert.ok(shown(new Stream(true)).startsWith("\x1b[31merror:\x1b[39m not logged in\n"));
      process.env["NO_COLOR"] = "1";
      assert.equal(shown(new Stream(true)), plain);
    } finally {
      if (NO_COLOR === undefined) delete process.env["NO_COLOR"];
      else process.env["NO_COLOR"] = NO_COLOR;
    }
  });
});
