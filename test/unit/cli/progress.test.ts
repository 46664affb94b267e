import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../../../src/cli/progress.ts";

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test("progress is one line that is drawn over, and is gone at the end", () => {
  const screen = terminal(true);
  const progress = new Progress(screen);
  progress.show("half", 1n, 2n);
  progress.show("too soon to be seen", 3, 4);
  progress.show("all", 2n, 2n);
  progress.end();
  progress.end();
  assert.equal(screen.written.length, 3);
  assert.match(screen.written[0] ?? "", /^\r.*█{15}░{15} {2}50 % {2}half$/u);
  assert.match(screen.written[1] ?? "", /█{30} 100 % {2}all$/u);
  assert.doesNotMatch(screen.written[2] ?? "", /█/u);
});

test("nothing of nothing is all", () => {
  const screen = terminal(true);
  new Progress(screen).show("empty", 0, 0);
  assert.match(screen.written[0] ?? "", /100 %/);
});

test("no progress is written where nobody looks", () => {
  const file = terminal(false);
  const progress = new Progress(file);
  progress.show("half", 1, 2);
  progress.end();
  assert.deepEqual(file.written, []);
});
