import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { type DataDirectory, diskDirectory } from "../../../src/database/data-directory.ts";

async function withDirectory(body: (directory: DataDirectory) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "data-directory-"));
  const directory = diskDirectory(join(parent, "data"), systemRandom);
  try {
    await directory.occupy();
    await body(directory);
    await directory.leave();
  } finally {
    await rm(parent, { recursive: true });
  }
}

test("a data directory has one owner at a time", () =>
  withDirectory(async (directory) => {
    const other = diskDirectory(directory.path, systemRandom);
    await assert.rejects(other.occupy(), { name: "StoreError", code: "locked" });
    await directory.leave();
    await other.occupy();
    await other.leave();
  }));

test("a small file that was replaced has its last content, and one that never was has none", () =>
  withDirectory(async (directory) => {
    assert.equal(await directory.read("identity"), undefined);
    await directory.replace("identity", utf8("first, and longer"));
    await directory.replace("identity", utf8("second"));
    assert.equal(utf8ToString((await directory.read("identity")) as Uint8Array), "second");
    assert.deepEqual(
      (await readdir(directory.path)).filter((name) => !name.startsWith(".lock.")),
      ["identity"],
    );
  }));

test("nothing is left of a database that was removed, and removing it again changes nothing", () =>
  withDirectory(async (directory) => {
    const place = directory.place("mine");
    await place.occupy();
    await place.markOpen();
    await writeFile(join(directory.path, "mine", "data"), "bytes");
    await place.leave();
    await directory.remove("mine");
    await directory.remove("mine");
    assert.deepEqual(
      (await readdir(directory.path)).filter((name) => !name.startsWith(".lock.")),
      [],
    );
  }));
