// Cases about the two trees.

import { fromHex, toHex, utf8 } from "../../../src/base/bytes.ts";
import { EntriesTree, entriesRoot, verifyEntryInclusion } from "../../../src/proof/entries-tree.ts";
import {
  completedNodes,
  historyRoot,
  leafHash,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from "../../../src/proof/history-tree.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { type Answers, expectEqual, type VectorCase } from "../vector-file.ts";
import { bytesList } from "./json.ts";

interface RootCase extends VectorCase {
  readonly seed: string;
  readonly root: string;
  readonly width: number;
  readonly size: string;
}

interface EntryInclusionCase extends VectorCase {
  readonly digest: string;
  readonly leaf: number;
  readonly width: number;
  readonly nentries: number;
  readonly root: string;
  readonly terms: readonly string[];
}

export const htreeAnswers: Answers = {
  root: (vector) => {
    const { seed, width, root } = vector as RootCase;
    const digests = Array.from({ length: width }, (_, i) => sha256(utf8(`${seed}/${i}`)));
    const tree = new EntriesTree(digests);
    expectEqual(toHex(tree.root), root, "root");
    expectEqual(toHex(entriesRoot(digests)), root, "root alone");
    digests.forEach((digest, leaf) => {
      verifyEntryInclusion(tree.inclusionProof(leaf), digest, tree.root, width);
    });
  },
  inclusion: (vector) => {
    const { digest, leaf, width, terms, root, nentries } = vector as EntryInclusionCase;
    verifyEntryInclusion({ leaf, width, terms: bytesList(terms) }, fromHex(digest), fromHex(root), nentries);
  },
};

interface HistoryCase extends VectorCase {
  readonly i: string;
  readonly j: string;
  readonly leaf: string;
  readonly root: string;
  readonly rootI: string;
  readonly rootJ: string;
  readonly terms: readonly string[];
}

export const ahtreeAnswers: Answers = {
  root: (vector) => {
    const { seed, size, root } = vector as RootCase;
    const nodes = new Map<string, Uint8Array>();
    const read = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array;
    for (let n = 1; n <= Number(size); n++) {
      completedNodes(n, leafHash(sha256(utf8(`${seed}/${n}`))), read).forEach((hash, level) => {
        nodes.set(`${level}/${n / 2 ** level - 1}`, hash);
      });
    }
    expectEqual(toHex(historyRoot(Number(size), read)), root, "root");
  },
  inclusion: (vector) => {
    const { terms, i, j, leaf, root } = vector as HistoryCase;
    verifyInclusion(bytesList(terms), BigInt(i), BigInt(j), fromHex(leaf), fromHex(root));
  },
  consistency: (vector) => {
    const { terms, i, j, rootI, rootJ } = vector as HistoryCase;
    verifyConsistency(bytesList(terms), BigInt(i), BigInt(j), fromHex(rootI), fromHex(rootJ));
  },
  lastInclusion: (vector) => {
    const { terms, i, leaf, root } = vector as HistoryCase;
    verifyLastInclusion(bytesList(terms), BigInt(i), fromHex(leaf), fromHex(root));
  },
};
