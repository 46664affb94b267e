import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLogger } from "../../../src/base/observe.ts";
import { Reloads } from "../../../src/server/reload.ts";

describe("what is read again on SIGHUP", () => {
  test("one thing after the other, and a second wish after the first", async () => {
    const done: string[] = [];
    const reloads = new Reloads(silentLogger);
    reloads.add("a", async () => {
      await sleep(1);
      done.push("a");
    });
    reloads.add("b", () => void done.push("b"));
    await Promise.all([reloads.run(), reloads.run()]);
    assert.deepEqual(done, ["a", "b", "a", "b"]);
  });

  test("one that fails is logged, keeps the others going, and is tried again the next time", async () => {
    const said: string[] = [];
    const log = (fields: Readonly<Record<string, unknown>>, message: string): number =>
      said.push(`${fields["what"]} ${message}`);
    const reloads = new Reloads({ ...silentLogger, info: log, error: log });
    let fails = true;
    reloads.add("the key", () => {
      if (fails) throw new Error("no key");
    });
    reloads.add("the log file", () => {});
    await reloads.run();
    fails = false;
    await reloads.run();
    assert.deepEqual(said, [
      "the key could not be read again: the old one stays in use",
      "the log file read again",
      "the key read again",
      "the log file read again",
    ]);
  });
});
