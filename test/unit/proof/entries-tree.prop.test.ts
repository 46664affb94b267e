import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import { EntriesTree, entriesRoot, verifyEntryInclusion } from "../../../src/proof/entries-tree.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
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
