import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { toHex, utf8 } from "../../../src/base/bytes.ts";
import {
  completedNodes,
  historyConsistency,
  historyInclusion,
  historyRoot,
  leafHash,
  type NodeReader,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from "../../../src/proof/history-tree.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { VECTORS_DIRECTORY } from "../../golden/vectors.ts";
import { assertRefused } from "./refusals.ts";

const SIZE = 200;
const read = treeOf("ahtree-vectors", SIZE);
const leaf = (i: number): Uint8Array => read(0, i - 1);
const root = (size: number): Uint8Array => historyRoot(size, read);

const sizes = fc.integer({ min: 1, max: SIZE });
const leavesAndSizes = sizes.chain((j) => fc.record({ i: fc.integer({ min: 1, max: j }), j: fc.constant(j) }));

describe("the history tree", () => {
  test("proves every leaf in every later tree, at its position and no other", () => {
    fc.assert(
      fc.property(leavesAndSizes, sizes, ({ i, j }, other) => {
        const terms = historyInclusion(i, j, read);
        assert.deepEqual(verifyInclusion(terms, BigInt(i), BigInt(j), leaf(i), root(j)), leaf(i));
        if (other === i || other > j) return;
        assertRefused("history_inclusion", () => verifyInclusion(terms, BigInt(other), BigInt(j), leaf(i), root(j)));
      }),
      { numRuns: 500 },
    );
  });

  test("proves the last leaf as a last leaf", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const terms = historyInclusion(size, size, read);
        assert.deepEqual(verifyLastInclusion(terms, BigInt(size), leaf(size), root(size)), leaf(size));
        const longer = [...terms, leaf(1)];
        assertRefused("history_last_inclusion", () =>
          verifyLastInclusion(longer, BigInt(size), leaf(size), root(size)),
        );
        assertRefused("history_last_inclusion", () =>
          verifyLastInclusion(terms, BigInt(size), leaf(size), leaf(size + 1)),
        );
      }),
    );
    assertRefused("history_last_inclusion", () => verifyLastInclusion([], 0n, leaf(1), root(1)));
  });

  test("proves every tree to be the beginning of every later one, and of nothing else", () => {
    fc.assert(
      fc.property(leavesAndSizes, sizes, ({ i, j }, other) => {
        const terms = historyConsistency(i, j, read);
        assert.deepEqual(verifyConsistency(terms, BigInt(i), BigInt(j), root(i), root(j)), root(j));
        if (other !== i) {
          assertRefused("history_consistency", () =>
            verifyConsistency(terms, BigInt(i), BigInt(j), root(other), root(j)),
          );
        }
        if (other !== j) {
          assertRefused("history_consistency", () =>
            verifyConsistency(terms, BigInt(i), BigInt(j), root(i), root(other)),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is proven the same way by a reader that remembers right edges, which computes each once", () => {
    const edges = new Map<string, Uint8Array>();
    const computed: string[] = [];
    const remembering: NodeReader = Object.assign((level: number, index: number) => read(level, index), {
      remember(start: number, end: number, compute: () => Uint8Array) {
        const edge = `${start}-${end}`;
        if (!edges.has(edge)) {
          computed.push(edge);
          edges.set(edge, compute());
        }
        return edges.get(edge) as Uint8Array;
      },
    });
    fc.assert(
      fc.property(leavesAndSizes, ({ i, j }) => {
        assert.deepEqual(historyInclusion(i, j, remembering), historyInclusion(i, j, read));
        assert.deepEqual(historyConsistency(i, j, remembering), historyConsistency(i, j, read));
      }),
      { numRuns: 500 },
    );
    assert.equal(new Set(computed).size, computed.length);
    assert.ok(computed.length > 10);
  });

  test("needs no terms to show that a tree is itself", () => {
    assert.deepEqual(verifyConsistency([], 5n, 5n, root(5), root(5)), root(5));
    assertRefused("history_consistency", () => verifyConsistency([], 5n, 5n, root(5), root(6)));
  });

  test("refuses positions that cannot be, and proofs without terms where there must be some", () => {
    for (const [i, j] of [
      [0n, 3n],
      [4n, 3n],
      [2n, 3n],
    ] as const) {
      assertRefused("history_inclusion", () => verifyInclusion([], i, j, leaf(1), root(3)));
      assertRefused("history_consistency", () => verifyConsistency([], i, j, root(3), root(3)));
    }
  });

  test("refuses a consistency proof that is about other sizes", () => {
    const terms = historyConsistency(2, 3, read);
    assertRefused("history_consistency", () => verifyConsistency(terms, 2n, 9n, root(2), root(3)));
  });

  test("builds the proofs that the original builds", () => {
    const { cases } = JSON.parse(readFileSync(join(VECTORS_DIRECTORY, "ahtree.json"), "utf8")) as {
      readonly cases: readonly { op: string; ok: boolean; strictOk?: boolean; i: string; j: string; terms: string[] }[];
    };
    let built = 0;
    for (const { op, ok, strictOk, i, j, terms } of cases) {
      if (!ok || strictOk === false || Number(j) > SIZE) continue;
      const build = { inclusion: historyInclusion, consistency: historyConsistency }[op];
      if (build === undefined) continue;
      assert.deepEqual(build(Number(i), Number(j), read).map(toHex), terms, `${op}(${i}, ${j})`);
      built++;
    }
    assert.ok(built > 400);
  });

  test("reaches beyond 32 bits", () => {
    // All leaves alike: then every node of a level is the same, and a tree of any size needs one hash a level.
    const levels = [leafHash(sha256(utf8("leaf")))];
    for (let level = 1; level <= 52; level++)
      levels.push(nodeHash(levels.at(-1) as Uint8Array, levels.at(-1) as Uint8Array));
    const readAlike: NodeReader = (level) => levels[level] as Uint8Array;
    const positions = fc.maxSafeInteger().filter((n) => n > 0);
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        const [i, j] = a < b ? [a, b] : [b, a];
        const [rootI, rootJ] = [historyRoot(i, readAlike), historyRoot(j, readAlike)];
        verifyInclusion(historyInclusion(i, j, readAlike), BigInt(i), BigInt(j), readAlike(0, 0), rootJ);
        verifyLastInclusion(historyInclusion(j, j, readAlike), BigInt(j), readAlike(0, 0), rootJ);
        verifyConsistency(historyConsistency(i, j, readAlike), BigInt(i), BigInt(j), rootI, rootJ);
        let trailingZeros = 0;
        while ((BigInt(j) >> BigInt(trailingZeros)) % 2n === 0n) trailingZeros++;
        assert.deepEqual(completedNodes(j, readAlike(0, 0), readAlike), levels.slice(0, trailingZeros + 1));
      }),
    );
  });

  test("is not asked about sizes that it cannot have", () => {
    for (const size of [0, -1, 0.5, 2 ** 53]) assert.throws(() => historyRoot(size, read), { name: "AssertionError" });
    assert.throws(() => historyInclusion(4, 3, read), { name: "AssertionError" });
    assert.throws(() => historyConsistency(4, 3, read), { name: "AssertionError" });
  });
});

function treeOf(seed: string, size: number): NodeReader {
  const nodes = new Map<string, Uint8Array>();
  const reader: NodeReader = (level, index) => nodes.get(`${level}/${index}`) as Uint8Array;
  for (let n = 1; n <= size + 1; n++) {
    completedNodes(n, leafHash(sha256(utf8(`${seed}/${n}`))), reader).forEach((hash, level) => {
      nodes.set(`${level}/${n / 2 ** level - 1}`, hash);
    });
  }
  return reader;
}
