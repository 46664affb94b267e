// A copy of a store that is taken while another process writes to it: it opens, it has everything that was acknowledged before
// it began, and every value in it is what was written.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { copyStore } from "../../../src/store/copy-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { codeOf, inDirectory, onDisk, setOf } from "./support.ts";

const WRITER = fileURLToPath(new URL("../../support/writing-child.ts", import.meta.url));

/** Everything in a store: its keys are numbers, and its values tell them. */
function checkAll(store: Store): void {
  for (let txId = 1n; txId <= store.committed.txId; txId++) {
    const [entry] = store.log.entries(txId, store.log.checkedRecord(txId));
    const value = utf8ToString(store.log.value(txId, 0).subarray(1));
    assert.equal(value.split(" ", 1)[0], utf8ToString((entry as { key: Uint8Array }).key.subarray(1)));
  }
}

for (const place of ["log", "segments"] as const) {
  test(`a copy beside a busy writer is whole, values in the ${place}`, () =>
    inDirectory(async (directory) => {
      const source = join(directory, "db");
      const child = spawn(process.execPath, [WRITER, source, place], { stdio: ["pipe", "pipe", "inherit"] });
      let acknowledged = 0;
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        acknowledged = Number(line);
      });
      while (acknowledged < 500) await once(lines, "line");
      const promised: number[] = [];
      for (let copy = 0; copy < 4; copy++) {
        promised.push(acknowledged);
        await copyStore(source, join(directory, `copy-${copy}`));
        while (acknowledged < (promised.at(-1) as number) + 300) await once(lines, "line");
      }
      child.stdin.end();
      await once(child, "close");
      for (const [copy, txs] of promised.entries()) {
        const store = await onDisk(join(directory, `copy-${copy}`))();
        assert.ok(store.committed.txId >= BigInt(txs), `copy ${copy}`);
        assert.ok(store.latest(plainKey(utf8("1"))) !== undefined, "the index is built");
        checkAll(store);
        await store.close();
      }
    }));
}

test("a copy of a store that is truncated meanwhile has every value that its log says it has", () =>
  inDirectory(async (directory) => {
    const source = join(directory, "db");
    const store = await onDisk(source)({ valuesInSegments: true });
    for (let i = 1; i <= 200; i++) await store.commit(setOf([String(i), `${i} ${"x".repeat(1000)}`]));
    for (let copy = 0; copy < 6; copy++) {
      const truncated = store.truncateBefore(BigInt(30 * copy + 20));
      const target = join(directory, `copy-${copy}`);
      await copyInChild(source, target);
      await truncated;
      const copied = await onDisk(target)({ valuesInSegments: true });
      for (let txId = 1n; txId <= copied.committed.txId; txId++) {
        const wanted = txId < copied.truncatedBefore ? "value_truncated" : "none";
        assert.equal(await codeOf(() => copied.log.value(txId, 0)), wanted, `copy ${copy}, transaction ${txId}`);
      }
      await copied.close();
    }
    await store.close();
  }));

test("the files of a store that is not there are not copied as an empty one", () =>
  inDirectory(async (directory) => {
    await mkdir(join(directory, "db"));
    assert.equal(await codeOf(() => copyStore(join(directory, "db"), join(directory, "copy"))), "damaged");
  }));

/** In another process, as LMDB demands of two that have one environment open. */
async function copyInChild(source: string, target: string): Promise<void> {
  const module = new URL("../../../src/store/copy-store.ts", import.meta.url).href;
  const program = `const { copyStore } = await import(${JSON.stringify(module)}); await copyStore(...process.argv.slice(1));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, source, target], { stdio: "inherit" });
  const [code] = await once(child, "close");
  assert.equal(code, 0);
}
