import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { clearOpeningMarker, clearOpenMarker, lastEnd, setOpenMarker } from "../../../src/store/open-marker.ts";
import { inDirectory } from "./support.ts";

describe("the marker of an open database", () => {
  test("absent: the last stay ended cleanly, or there was none", () =>
    inDirectory(async (directory) => {
      assert.equal(await lastEnd(directory), "clean");
      await setOpenMarker(directory, "clean");
      await clearOpeningMarker(directory);
      await clearOpenMarker(directory);
      assert.equal(existsSync(join(directory, "open")), false);
      assert.equal(await lastEnd(directory), "clean");
      await clearOpenMarker(directory);
    }));

  test("of this boot: the process died", () =>
    inDirectory(async (directory) => {
      await setOpenMarker(directory, "clean");
      await clearOpeningMarker(directory);
      assert.equal(await lastEnd(directory), "process_died");
    }));

  test("of this boot, twice in a row: another process looks first, and then it counts anew", () =>
    inDirectory(async (directory) => {
      const ends: string[] = [];
      for (let i = 0; i < 4; i++) {
        const end = await lastEnd(directory);
        ends.push(end);
        await setOpenMarker(directory, end);
        await clearOpeningMarker(directory);
      }
      assert.deepEqual(ends, ["clean", "process_died", "died_again", "process_died"]);
    }));

  test("of this boot, beside that of an opening: opening it ended the process", () =>
    inDirectory(async (directory) => {
      await setOpenMarker(directory, "clean");
      assert.equal(await lastEnd(directory), "died_opening");
      writeFileSync(join(directory, "open"), "another boot");
      assert.equal(await lastEnd(directory), "machine_went_down");
    }));

  test("of another boot, or with anything else in it: the machine went down", () =>
    inDirectory(async (directory) => {
      const marker = join(directory, "open");
      await setOpenMarker(directory, "clean");
      const bootId = readFileSync(marker, "utf8");
      assert.ok(bootId.length >= 8);
      for (const content of ["9cd0fa8e-73b7-4a26-8c31-0a2f0fd3b6d7", "", bootId.slice(1)]) {
        writeFileSync(marker, content);
        assert.equal(await lastEnd(directory), "machine_went_down", JSON.stringify(content));
      }
    }));

  test("that cannot be read is an error, not a clean end", () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, "open"));
      await assert.rejects(lastEnd(directory), { code: "EISDIR" });
    }));
});
