// What is on disk is looked at before LMDB opens it, which a damaged file would end the process with.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../../src/base/observe.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { checkLmdbFile } from "../../../src/store/lmdb-check.ts";
import { probeEnvironment } from "../../../src/store/probing.ts";
import type { StoreOptions } from "../../../src/store/store-options.ts";
import { codeOf, inDirectory, onDisk, setOf } from "./support.ts";

const PAGE = 8192;
const TXS = 300;

/** A closed database of a few hundred pages; its keys and long values take pages of every kind. */
async function filled(directory: string, txs: number = TXS): Promise<void> {
  const store = await onDisk(directory)();
  for (let i = 0; i < txs; i++) void store.commit(setOf([`key ${i}`, "v".repeat(i % 20 === 0 ? 20_000 : 900)]));
  await store.settled();
  await store.close();
}

const FILE_DAMAGE: Readonly<Record<string, (whole: Uint8Array) => Uint8Array>> = {
  garbage: (whole) => whole.map((_, i) => i * 7 + 3),
  "all zeros": (whole) => new Uint8Array(whole.length),
  "five bytes": () => Buffer.from("hello"),
  "one meta page": (whole) => whole.subarray(0, PAGE),
  "cut in half": (whole) => whole.subarray(0, whole.length / 2),
  "cut in the middle of its last page": (whole) => whole.subarray(0, whole.length - PAGE / 2),
  "a zeroed first page": (whole) => zeroed(whole, 0),
  "a zeroed second page": (whole) => zeroed(whole, 1),
};

function zeroed(whole: Uint8Array, page: number): Uint8Array {
  return Uint8Array.from(whole).fill(0, page * PAGE, (page + 1) * PAGE);
}

function damage(directory: string, environment: "log" | "index", change: (whole: Uint8Array) => Uint8Array): void {
  const file = join(directory, environment, "data.mdb");
  writeFileSync(file, change(readFileSync(file)));
}

/** Warnings that are logged while `run` runs. */
async function warningsOf(
  directory: string,
  run: (options: Partial<StoreOptions>) => Promise<void>,
): Promise<string[]> {
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => warnings.push(message) };
  await run({ logger, directory });
  return warnings;
}

/** What another process takes for the end of the log: its first bytes may end it. */
function lengthOf(directory: string, txs: number): "shorter" | "right" | "dead" {
  const program = fileURLToPath(new URL("../../support/log-length-child.ts", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [program, join(directory, "log")], { encoding: "utf8" });
  if (status !== 0) return "dead";
  return stdout === String(txs) ? "right" : "shorter";
}

async function requireWhole(directory: string, options: Partial<StoreOptions>, txs: number = TXS): Promise<void> {
  await using store = await onDisk(directory)(options);
  assert.equal(store.committed.txId, BigInt(txs));
  assert.equal([...store.scan({ from: undefined, to: undefined, reverse: false })].length, txs);
}

describe("a damaged environment", () => {
  for (const [name, change] of Object.entries(FILE_DAMAGE)) {
    test(`as the log, ${name}: is an error that names the file, and nothing is changed`, () =>
      inDirectory(async (directory) => {
        await filled(directory);
        damage(directory, "log", change);
        const file = join(directory, "log", "data.mdb");
        const before = readFileSync(file);
        await assert.rejects(onDisk(directory)(), (error: Error & { code?: string }) => {
          assert.equal(error.code, "damaged");
          assert.ok(error.message.includes(join(directory, "log")), error.message);
          return true;
        });
        assert.deepEqual(readFileSync(file), before);
      }));

    test(`as the index, ${name}: is built again with a warning`, () =>
      inDirectory(async (directory) => {
        await filled(directory);
        damage(directory, "index", change);
        const warnings = await warningsOf(directory, (options) => requireWhole(directory, options));
        assert.deepEqual(warnings, ["the index is damaged: it is dropped and built again from the log"]);
        assert.deepEqual(await warningsOf(directory, (options) => requireWhole(directory, options)), []);
      }));
  }

  test("as a log whose pages hide rows without a word is not taken for a shorter one, with or without an index", () =>
    inDirectory(async (directory) => {
      const txs = 25;
      await filled(directory, txs);
      const file = join(directory, "log", "data.mdb");
      const whole = readFileSync(file);
      let hidden = 0;
      for (let page = 2; page < whole.length / PAGE; page++) {
        // The header of the page stays, so that LMDB finds nothing wrong with it.
        writeFileSync(file, Uint8Array.from(whole).fill(0, page * PAGE + 24, (page + 1) * PAGE));
        if (lengthOf(directory, txs) === "shorter") hidden++;
        else continue;
        assert.equal(await codeOf(onDisk(directory)), "damaged", `page ${page}`);
        await lmdbDriver.destroy(join(directory, "index"));
        assert.equal(await codeOf(onDisk(directory)), "damaged", `page ${page}, without an index`);
        writeFileSync(file, whole);
        await requireWhole(directory, {}, txs);
      }
      assert.ok(hidden >= 2, "the root of the tables and that of the log");
    }));

  test("may end in a page that nothing names: a write that was cut off", () =>
    inDirectory(async (directory) => {
      await filled(directory);
      damage(directory, "log", (whole) => Buffer.concat([whole, new Uint8Array(1000)]));
      await requireWhole(directory, {});
    }));

  test("that lost pages which hold nothing is opened", () =>
    inDirectory(async (directory) => {
      const file = join(directory, "log", "data.mdb");
      const engine = await lmdbDriver.open(join(directory, "log"), { durable: true });
      const [keys, table] = [["a", "b"].map((key) => Buffer.from(key)), engine.table("t")];
      await engine.write((batch) => batch.put(table, keys[0] as Uint8Array, Buffer.from("kept")));
      await engine.write((batch) => batch.put(table, keys[1] as Uint8Array, new Uint8Array(40 * PAGE)));
      await engine.write((batch) => batch.remove(table, keys[1] as Uint8Array));
      for (let i = 0; i < 3; i++)
        await engine.write((batch) => batch.put(table, keys[0] as Uint8Array, Buffer.from("kept")));
      await engine.close();
      assert.equal(checkLmdbFile(file), "whole");
      truncateSync(file, readFileSync(file).length - 20 * PAGE);
      assert.equal(checkLmdbFile(file), "short");
      await using reopened = closing(await lmdbDriver.open(join(directory, "log"), { durable: true }));
      assert.equal(Buffer.from(reopened.engine.table("t").get(keys[0] as Uint8Array) ?? []).toString(), "kept");
    }));

  test("as a log that is gone while its index is there is not taken for a new database", () =>
    inDirectory(async (directory) => {
      await filled(directory);
      rmSync(join(directory, "log"), { recursive: true });
      assert.equal(await codeOf(onDisk(directory)), "damaged");
      assert.ok(!existsSync(join(directory, "log", "data.mdb")));
    }));
});

describe("after an end that was not clean:", () => {
  const ends: Readonly<Record<string, (directory: string) => void>> = {
    "the machine went down": (directory) => writeFileSync(join(directory, "open"), "another boot"),
    "the process died": (directory) => {
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      writeFileSync(join(directory, "open"), boot);
    },
  };

  for (const [end, leave] of Object.entries(ends)) {
    test(`${end}: a log that ends whoever reads it is an error, again and again`, () =>
      inDirectory(async (directory) => {
        await filled(directory);
        leave(directory);
        // Every page but the meta pages.
        damage(directory, "log", (whole) => Uint8Array.from(whole).fill(0, 2 * PAGE));
        assert.equal(checkLmdbFile(join(directory, "log", "data.mdb")), "whole");
        for (let i = 0; i < 2; i++) assert.equal(await codeOf(onDisk(directory)), "damaged");
      }));

    test(`${end}: an index that ends whoever reads it is built again, and the next end is a clean one`, () =>
      inDirectory(async (directory) => {
        await filled(directory);
        leave(directory);
        damage(directory, "index", (whole) => Uint8Array.from(whole).fill(0, 2 * PAGE));
        const warnings = await warningsOf(directory, (options) => requireWhole(directory, options));
        assert.equal(warnings[0], "the database was not closed cleanly");
        assert.deepEqual(await warningsOf(directory, (options) => requireWhole(directory, options)), []);
      }));
  }
});

describe("the probe", () => {
  test("says whole, finds each torn page that holds rows, and cannot be ended by one", () =>
    inDirectory(async (directory) => {
      await filled(directory);
      const [environment, file] = [join(directory, "log"), join(directory, "log", "data.mdb")];
      assert.equal(await probeEnvironment(environment), "whole");
      const whole = readFileSync(file);
      const seen = new Map<string, number>();
      for (let page = 2; page < whole.length / PAGE; page += 15) {
        writeFileSync(file, zeroed(whole, page));
        const code = await codeOf(() => probeEnvironment(environment));
        seen.set(String(code), (seen.get(String(code)) ?? 0) + 1);
      }
      assert.deepEqual(
        [...seen.keys()].filter((code) => code !== "damaged" && code !== "none"),
        [],
      );
      assert.ok(
        (seen.get("damaged") ?? 0) > 5,
        "only the bytes of free pages and of long values are none of its business",
      );
    }));

  test("that takes too long is ended and says so", () =>
    inDirectory(async (directory) => {
      await filled(directory);
      assert.equal(await probeEnvironment(join(directory, "log"), 1), "unfinished");
    }));

  test("that cannot look says nothing about damage", () =>
    inDirectory(async (directory) => {
      await assert.rejects(probeEnvironment(join(directory, "nowhere")), (error: Error & { code?: unknown }) => {
        assert.notEqual(error.code, "damaged");
        return true;
      });
    }));
});

function closing<E extends { close(): Promise<void> }>(
  engine: E,
): { engine: E; [Symbol.asyncDispose](): Promise<void> } {
  return { engine, [Symbol.asyncDispose]: () => engine.close() };
}
