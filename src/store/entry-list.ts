// All entries of one transaction as a reader of the whole has them: in the bytes that answers copy, decoded for whoever asks, and
// proven one by one. Values are elsewhere (tx-log.ts).

import { equalBytes } from "../base/bytes.ts";
import { proveInGroup } from "../proof/entries-tree.ts";
import { entryDigest } from "../proof/entry-digest.ts";
import type { InclusionProof, TxEntry, TxHeader } from "../proof/model.ts";
import type { EntriesBlock, StoredEntry } from "./entries-block.ts";
import { ROW_ENTRIES, TREE_LEVEL_MIN } from "./layout.ts";

const GROUP_ENTRIES: number = 2 ** TREE_LEVEL_MIN;

export interface EntryListParts {
  readonly header: TxHeader;
  /** All its blocks, in order. */
  readonly blocks: readonly EntriesBlock[];
  /** Upper node of the entries tree by its place. */
  readonly upperNode: (place: number) => Uint8Array;
  /** Runs what decodes stored bytes; throws `damaged` for its failures. */
  readonly decoded: <T>(decode: () => T) => T;
}

export class EntryList {
  readonly #parts: EntryListParts;

  constructor(parts: EntryListParts) {
    this.#parts = parts;
  }

  /** The entries as they stand in a `Tx` message (fields 2, tags included), in pieces. */
  get onWire(): readonly Uint8Array[] {
    return this.#parts.blocks.map((block) => block.wire);
  }

  /** Entries without values. */
  entries(): TxEntry[] {
    return this.stored().map(({ entry }) => entry);
  }

  stored(): StoredEntry[] {
    return this.#parts.decoded(() => this.#parts.blocks.flatMap((block) => block.all()));
  }

  /** Index of the entry of `key`; -1 when there is none. `likely`: where to look first. */
  indexOf(key: Uint8Array, likely = -1): number {
    const { blocks, decoded } = this.#parts;
    return decoded(() => {
      if (blocks[Math.floor(likely / ROW_ENTRIES)]?.hasKeyAt(likely % ROW_ENTRIES, key)) return likely;
      for (const [row, block] of blocks.entries()) {
        for (let i = 0; i < block.count; i++) if (block.hasKeyAt(i, key)) return row * ROW_ENTRIES + i;
      }
      return -1;
    });
  }

  /**
   * Proves the entry at `index` from the entries around it and the kept nodes of the tree, and says whether that leads to the root
   * in the header.
   */
  inclusionProof(index: number): { readonly proof: InclusionProof; readonly holds: boolean } {
    const { header, blocks, upperNode, decoded } = this.#parts;
    const { nentries, version, eh } = header;
    return decoded(() => {
      const block = blocks[Math.floor(index / ROW_ENTRIES)] as EntriesBlock;
      const first = (index % ROW_ENTRIES) - (index % GROUP_ENTRIES);
      const digests: Uint8Array[] = [];
      for (let i = first; i < Math.min(first + GROUP_ENTRIES, block.count); i++)
        digests.push(entryDigest(block.at(i).entry, version));
      const { proof, root } = proveInGroup(index, nentries, TREE_LEVEL_MIN, digests, upperNode);
      return { proof, holds: equalBytes(root, eh) };
    });
  }
}
