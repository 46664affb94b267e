import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PageOptions, paged } from "../../../src/cli/immuclient/pages.ts";

/** A list of 6000 numbers from 0, and the sizes of the pages that were fetched of it. */
async function read(options: PageOptions): Promise<{ numbers: number[]; pages: number[] }> {
  const pages: number[] = [];
  const list = paged<number>(options, async ({ limit, offset, last, before }) => {
    const from = last === undefined ? Number(offset) : last + 1;
    assert.equal(
      Number(before),
      pages.reduce((sum, page) => sum + page, 0),
    );
    const page = Array.from({ length: Math.max(0, Math.min(Number(limit), 6000 - from)) }, (_, n) => from + n);
    pages.push(page.length);
    return page;
  });
  const numbers: number[] = [];
  for await (const number of list) numbers.push(number);
  return { numbers, pages };
}

describe("a list in pages", () => {
  test("is read to its end", async () => {
    const { numbers, pages } = await read({});
    assert.deepEqual(
      numbers,
      Array.from({ length: 6000 }, (_, n) => n),
    );
    assert.deepEqual(pages, [2500, 2500, 1000, 0]);
  });

  test("stops at the limit, and asks for no more than that", async () => {
    assert.deepEqual((await read({ limit: 2501n })).pages, [2500, 1]);
    assert.deepEqual((await read({ limit: 3n, offset: 10n })).numbers, [10, 11, 12]);
    assert.deepEqual((await read({ limit: 0n })).pages, []);
    assert.deepEqual((await read({ offset: 9000n })).pages, [0]);
  });
});
