import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fields, textLine } from "../../../src/server/text-line.ts";

const TIME = new Date(2026, 10, 4, 3, 5, 8);
const line = (fields: Fields, message = "it is so"): string => textLine(TIME, "info", fields, message, false);

describe("a line of the log for people", () => {
  test("has the original's beginning, and the fields at its end", () => {
    assert.equal(
      textLine(TIME, "warn", {}, "mind the gap", false),
      "immudb 2026/11/04 03:05:08 WARNING: mind the gap\n",
    );
    assert.equal(
      line({ port: 1, on: true, tx: 7n, path: "/a/b", text: "two words", none: undefined, list: [1n, "x"] }),
      'immudb 2026/11/04 03:05:08 INFO: it is so port=1 on=true tx=7 path=/a/b text="two words" list=["7","x"]\n'.replace(
        '"7"',
        '"1"',
      ),
    );
  });

  test("stays one line whatever its texts hold", () => {
    const evil = 'x\nimmudb 2026/01/01 00:00:00 INFO: forged\r\u2028\u0085\u001b[31m"';
    for (const written of [
      line({ user: evil }),
      line({ deep: { user: evil } }),
      line({}, evil),
      line({ err: new Error(evil) }),
    ]) {
      const [first = "", ...others] = written.split("\n");
      assert.match(first, /^immudb 2026\/11\/04 03:05:08 INFO: /);
      for (const other of others) assert.match(other, /^( {4}at .*|)$/);
      for (const character of ["\r", "\u2028", "\u0085", "\u001b"]) assert.ok(!written.includes(character), written);
    }
  });

  test("an error says where it happened on lines of its own", () => {
    const written = line({ err: new Error("no such thing") });
    assert.match(written, /err="no such thing"\n {4}at .*text-line\.test/);
  });

  test("the level has a color on a terminal", () => {
    assert.ok(textLine(TIME, "error", {}, "m", true).includes("\u001b[31mERROR\u001b[39m: m"));
  });
});
