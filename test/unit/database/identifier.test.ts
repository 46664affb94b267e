import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fromHex } from "../../../src/base/bytes.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { type DataDirectory, diskDirectory } from "../../../src/database/data-directory.ts";
import { newId, serverIdentity, xid } from "../../../src/database/identifier.ts";
import { codeOf, TestClock } from "./support.ts";

async function withDirectory(body: (directory: DataDirectory) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "identifier-"));
  try {
    await body(diskDirectory(path, systemRandom));
  } finally {
    await rm(path, { recursive: true });
  }
}

describe("the identity of a server", () => {
  test("is written as twenty characters, five bits each", () => {
    assert.equal(xid(fromHex("4d88e15b60f486e428412dc9")), "9m4e2mr0ui3e8a215n4g");
    assert.equal(xid(fromHex("000000000000000000000000")), "00000000000000000000");
    assert.equal(xid(fromHex("ffffffffffffffffffffffff")), "vvvvvvvvvvvvvvvvvvvg");
    assert.equal(new Set(Array.from({ length: 256 }, (_, i) => xid(new Uint8Array(12).fill(i)))).size, 256);
  });

  test("begins with the time and goes on with chance", () => {
    const clock = new TestClock();
    const id = newId(clock, { bytes: (length) => new Uint8Array(length).fill(0xab) });
    assert.equal(Buffer.from(id).toString("hex"), `6553f100${"ab".repeat(8)}`);
  });

  test("is made once for a data directory, and another one for another", () =>
    withDirectory(async (first) => {
      const clock = new TestClock();
      const identity = await serverIdentity(first, clock, systemRandom);
      assert.match(identity, /^[0-9a-v]{20}$/);
      clock.seconds += 1000;
      assert.equal(await serverIdentity(first, clock, systemRandom), identity);
      await withDirectory(async (second) => {
        assert.notEqual(await serverIdentity(second, clock, systemRandom), identity);
      });
    }));

  test("that is damaged is not replaced by a new one", () =>
    withDirectory(async (directory) => {
      await writeFile(join(directory.path, "immudb.identifier"), "short");
      assert.equal(await codeOf(() => serverIdentity(directory, new TestClock(), systemRandom)), "damaged");
    }));
});
