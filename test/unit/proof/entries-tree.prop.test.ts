import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { toHex, utf8 } from "../../../src/base/bytes.ts";
import {
  EntriesTree,
  entriesRoot,
  proveInGroup,
  upperNodeCount,
  verifyEntryInclusion,
} from "../../../src/proof/entries-tree.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { leafHash } from "../../../src/proof/tree-hash.ts";
import { assertRefused } from "./refusals.ts";

const widthsAndLeaves = fc.integer({ min: 1, max: 70 }).chain((width) => {
  return fc.record({ width: fc.constant(width), leaf: fc.nat({ max: width - 1 }) });
});

describe("the tree over the entries of a transaction", () => {
  test("proves every entry at its position", () => {
    fc.assert(
      fc.property(widthsAndLeaves, ({ width, leaf }) => {
        const digests = digestsOf(width);
        const tree = new EntriesTree(digests);
        assert.deepEqual(tree.root, entriesRoot(digests));
        const proof = tree.inclusionProof(leaf);
        assert.equal(verifyEntryInclusion(proof, digests[leaf] as Uint8Array, tree.root, width), leaf);
      }),
    );
  });

  test("proves no entry at another position, of another count, or against another root", () => {
    fc.assert(
      fc.property(widthsAndLeaves, fc.integer({ min: -2, max: 80 }), ({ width, leaf }, other) => {
        const digests = digestsOf(width);
        const digest = digests[leaf] as Uint8Array;
        const tree = new EntriesTree(digests);
        const proof = tree.inclusionProof(leaf);
        const refuse = (claim: Partial<typeof proof>, nentries: number): void =>
          assertRefused("entries_inclusion", () =>
            verifyEntryInclusion({ ...proof, ...claim }, digest, tree.root, nentries),
          );
        if (other !== leaf) refuse({ leaf: other }, width);
        if (other !== width) {
          refuse({ width: other }, width);
          refuse({}, other);
        }
        refuse({ terms: [...proof.terms, digest] }, width);
        if (width > 1) refuse({ terms: proof.terms.slice(1) }, width);
        assertRefused("entries_inclusion", () => verifyEntryInclusion(proof, digest, digest, width));
      }),
    );
  });

  test("proves an entry from its group and the upper nodes as from all entries", () => {
    fc.assert(
      fc.property(widthsAndLeaves, fc.nat({ max: 4 }), ({ width, leaf }, lowest) => {
        const digests = digestsOf(width);
        const tree = new EntriesTree(digests);
        const upper = tree.upperNodes(lowest);
        assert.equal(upper.length, upperNodeCount(width, lowest));
        const first = leaf - (leaf % 2 ** lowest);
        const group = new EntriesTree(digests.slice(first, first + 2 ** lowest));
        assert.deepEqual(group.leaf(leaf - first), tree.leaf(leaf));
        const proven = proveInGroup(leaf, width, lowest, group, (place) => upper[place] as Uint8Array);
        assert.deepEqual(proven, { proof: tree.inclusionProof(leaf), root: tree.root });
      }),
    );
  });

  test("leads to another root from any other node or neighbour", () => {
    fc.assert(
      fc.property(widthsAndLeaves, ({ width, leaf }) => {
        const digests = digestsOf(width);
        const tree = new EntriesTree(digests);
        const upper = tree.upperNodes(2);
        const first = leaf - (leaf % 4);
        const entries = digests.slice(first, first + 4);
        const group = new EntriesTree(entries);
        const other = sha256(utf8("other"));
        const used = new Set<number>();
        proveInGroup(leaf, width, 2, group, (place) => {
          used.add(place);
          return upper[place] as Uint8Array;
        });
        upper.forEach((_, at) => {
          const proven = proveInGroup(leaf, width, 2, group, (place) =>
            place === at ? other : (upper[place] as Uint8Array),
          );
          assert.equal(toHex(proven.root) === toHex(tree.root), !used.has(at));
        });
        entries.forEach((_, at) => {
          const proven = proveInGroup(
            leaf,
            width,
            2,
            new EntriesTree(entries.with(at, other)),
            (place) => upper[place] as Uint8Array,
          );
          assert.notDeepEqual(proven.root, tree.root);
        });
      }),
    );
  });

  test("refuses a leaf that is not a whole number, and terms of another length", () => {
    const digests = digestsOf(2);
    const tree = new EntriesTree(digests);
    const proof = tree.inclusionProof(0);
    const digest = digests[0] as Uint8Array;
    assertRefused("entries_inclusion", () => verifyEntryInclusion({ ...proof, leaf: 0.5 }, digest, tree.root, 2));
    const terms = [tree.root.subarray(1)];
    assertRefused("digest_malformed", () => verifyEntryInclusion({ ...proof, terms }, digest, tree.root, 2));
  });

  test("of no entries has the hash of nothing as its root", () => {
    assert.deepEqual(entriesRoot([]), sha256(utf8("")));
    assert.deepEqual(new EntriesTree([]).root, sha256(utf8("")));
  });

  test("has no proof for a leaf that it does not hold", () => {
    const tree = new EntriesTree(digestsOf(3));
    for (const leaf of [-1, 3, 0.5]) assert.throws(() => tree.inclusionProof(leaf), { name: "AssertionError" });
  });
});

function digestsOf(width: number): Uint8Array[] {
  return Array.from({ length: width }, (_, i) => sha256(utf8(`entry ${i}`)));
}

test("a leaf is the hash of its digest, and there is none beside the tree", () => {
  for (const width of [1, 2, 5]) {
    const digests = Array.from({ length: width }, (_, i) => new Uint8Array(32).fill(i));
    const tree = new EntriesTree(digests);
    digests.forEach((digest, i) => {
      assert.deepEqual(tree.leaf(i), leafHash(digest));
    });
    assert.equal(tree.leaf(-1), undefined);
    assert.equal(tree.leaf(width), undefined);
  }
});
