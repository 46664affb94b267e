// The room that a batch is said to need at most, against what a real environment grows by.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { growthMax, requireRoomIn } from "../../../src/store/lmdb-room.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { inDirectory } from "./support.ts";

const PAGE_BYTES = 8192;

test("no batch makes an environment grow by more, whatever its rows are and wherever they go", () =>
  inDirectory(async (directory) => {
    const random = new SeededRandom(7);
    const engine = await lmdbDriver.open(directory, { durable: false });
    const tables = [engine.table("a"), engine.table("b")];
    let grownBytes = 0;
    for (let round = 0; round < 150; round++) {
      const fileBytes = engine.sizeBytes();
      const rows = 1 + random.below(round % 10 === 0 ? 4000 : 100);
      const valueMax = [10, 300, 4100, 9000, 200_000][random.below(rows > 200 ? 2 : 5)] as number;
      let rowBytes = 0;
      await engine.write((batch) => {
        for (let i = 0; i < rows; i++) {
          const key = random.bytes(1 + random.below(60));
          const value = new Uint8Array(random.below(valueMax));
          const table = tables[random.below(2)] as (typeof tables)[0];
          rowBytes += key.length + value.length;
          if (random.chance(0.1)) batch.remove(table, key);
          else batch.put(table, key, value);
        }
      });
      const grown = engine.sizeBytes() - fileBytes;
      grownBytes += grown;
      const bound = growthMax({ rows, rowBytes, fileBytes, pageBytes: PAGE_BYTES });
      assert.ok(grown <= bound, `round ${round}: ${rows} rows of ${rowBytes} bytes grew by ${grown}, at most ${bound}`);
    }
    assert.ok(grownBytes > 10_000_000, "something was written");
    await engine.close();
  }));

test("a batch without room is refused before anything of it is written", () =>
  inDirectory(async (directory) => {
    requireRoomIn(directory, 1);
    assert.throws(
      () => requireRoomIn(directory, Number.MAX_SAFE_INTEGER),
      (error) => error instanceof StoreError && error.code === "disk_low" && /may need/.test(error.message),
    );
  }));
