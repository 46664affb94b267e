import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SortedKeys } from "../../../src/store/sorted-keys.ts";

const SEED = 20_241;

type Step = { readonly add: boolean; readonly key: string };

/** The same set as an array. */
class PlainKeys {
  keys: string[] = [];

  apply({ add, key }: Step): void {
    const there = this.keys.includes(key);
    if (add && !there) this.keys = [...this.keys, key].sort();
    if (!add && there) this.keys = this.keys.filter((known) => known !== key);
  }

  range(from: string | undefined, to: string | undefined, reverse: boolean): string[] {
    const found = this.keys.filter((key) => (from === undefined || key >= from) && (to === undefined || key < to));
    return reverse ? found.reverse() : found;
  }
}

describe("sorted keys", () => {
  test("are those of a sorted array after any insertions and removals, in any range and direction", () => {
    const key = fc.string({ unit: fc.constantFrom("\x00", "a", "b", "\x7f", "\xff"), maxLength: 3 });
    const bound = fc.option(key, { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(fc.record({ add: fc.boolean(), key }), { maxLength: 120 }),
        fc.array(fc.tuple(bound, bound, fc.boolean()), { minLength: 1, maxLength: 8 }),
        (steps, ranges) => {
          const keys = new SortedKeys();
          const plain = new PlainKeys();
          for (const step of steps) {
            const there = plain.keys.includes(step.key);
            if (step.add && !there) keys.insert(step.key);
            if (!step.add) keys.remove(step.key);
            plain.apply(step);
          }
          for (const [from, to, reverse] of ranges) {
            assert.deepEqual([...keys.range(from, to, reverse)], plain.range(from, to, reverse));
          }
        },
      ),
      { seed: SEED, numRuns: 400 },
    );
  });

  test("stay in order over many blocks, filled and emptied in any order", () => {
    for (const order of ["ascending", "descending", "mixed"] as const) {
      const numbers = Array.from({ length: 3000 }, (_, i) => (order === "mixed" ? (i * 1_009) % 3000 : i));
      if (order === "descending") numbers.reverse();
      const texts = numbers.map((n) => String(n).padStart(5, "0"));
      const keys = new SortedKeys();
      for (const text of texts) keys.insert(text);
      const sorted = [...texts].sort();
      assert.deepEqual([...keys.range(undefined, undefined, false)], sorted);
      assert.deepEqual([...keys.range("00511", "01025", true)], sorted.slice(511, 1025).reverse());
      for (const text of texts) if (Number(text) % 3 !== 0) keys.remove(text);
      const left = sorted.filter((text) => Number(text) % 3 === 0);
      assert.deepEqual([...keys.range(undefined, undefined, true)], [...left].reverse());
      assert.deepEqual([...keys.range("00001", "00010", false)], ["00003", "00006", "00009"]);
      for (const text of left) keys.remove(text);
      assert.deepEqual([...keys.range(undefined, undefined, false)], []);
      keys.insert("again");
      assert.deepEqual([...keys.range(undefined, undefined, false)], ["again"]);
    }
  });

  test("do not mind the removal of a key that is not there", () => {
    const keys = new SortedKeys();
    keys.remove("nothing");
    keys.insert("b");
    keys.remove("a");
    keys.remove("c");
    assert.deepEqual([...keys.range(undefined, undefined, false)], ["b"]);
  });
});
