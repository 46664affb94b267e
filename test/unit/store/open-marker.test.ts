import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { clearOpenMarker, lastEnd, setOpenMarker, syncOpenMarker } from "../../../src/store/open-marker.ts";
import { inDirectory } from "./support.ts";

describe("the marker of an open database", () => {
  test("absent: the last stay ended cleanly, or there was none", () =>
    inDirectory(async (directory) => {
      assert.equal(lastEnd(directory), "clean");
      setOpenMarker(directory);
      await syncOpenMarker(directory);
      clearOpenMarker(directory);
      assert.equal(existsSync(join(directory, "open")), false);
      assert.equal(lastEnd(directory), "clean");
      clearOpenMarker(directory);
    }));

  test("of this boot: the process died", () =>
    inDirectory(async (directory) => {
      setOpenMarker(directory);
      assert.equal(lastEnd(directory), "process_died");
    }));

  test("of another boot, or with anything else in it: the machine went down", () =>
    inDirectory(async (directory) => {
      const marker = join(directory, "open");
      setOpenMarker(directory);
      const bootId = readFileSync(marker, "utf8");
      assert.ok(bootId.length >= 8);
      for (const content of ["9cd0fa8e-73b7-4a26-8c31-0a2f0fd3b6d7", "", bootId.slice(1)]) {
        writeFileSync(marker, content);
        assert.equal(lastEnd(directory), "machine_went_down", JSON.stringify(content));
      }
    }));

  test("that cannot be read is an error, not a clean end", () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, "open"));
      assert.throws(() => lastEnd(directory), { code: "EISDIR" });
    }));
});
