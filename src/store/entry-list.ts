// All entries of one transaction as a reader of the whole has them: in the bytes that answers copy, decoded for whoever asks, and
// proven one by one. Values are elsewhere (tx-log.ts).

import { EMPTY, equalBytes } from "../base/bytes.ts";
import { EntriesTree, proveInGroup } from "../proof/entries-tree.ts";
import { entryDigest } from "../proof/entry-digest.ts";
import type { InclusionProof, TxEntry, TxHeader } from "../proof/model.ts";
import { leafHash } from "../proof/tree-hash.ts";
import type { EntriesBlock, StoredEntry } from "./entries-block.ts";
import { ROW_ENTRIES, TREE_LEVEL_MIN } from "./layout.ts";
import { RecentValues } from "./recent-values.ts";

const GROUP_ENTRIES: number = 2 ** TREE_LEVEL_MIN;
/** Smaller groups are hashed as fast as they are found. */
const KEPT_ENTRIES_MIN = 3;
const KEPT_GROUPS_MAX = 2048;
const GROUP_KEY_FACTOR = 4096;

/** Trees over groups of entries that were part of a proof, by transaction and group. */
export class ProvenGroups {
  readonly #groups = new RecentValues<EntriesTree>(KEPT_GROUPS_MAX);

  get(txId: bigint, group: number): EntriesTree | undefined {
    return this.#groups.get(Number(txId) * GROUP_KEY_FACTOR + group);
  }

  set(txId: bigint, group: number, tree: EntriesTree): void {
    if (group < GROUP_KEY_FACTOR) this.#groups.set(Number(txId) * GROUP_KEY_FACTOR + group, tree);
  }

  clear(): void {
    this.#groups.clear();
  }
}

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
   * in the header. `groups`: where the hashes around it may be known already; its own is computed in any case.
   */
  inclusionProof(index: number, groups: ProvenGroups): { readonly proof: InclusionProof; readonly holds: boolean } {
    const { header, upperNode, decoded } = this.#parts;
    const { id, nentries, eh } = header;
    return decoded(() => {
      const at = Math.floor(index / GROUP_ENTRIES);
      const known = groups.get(id, at);
      const isKnown = known !== undefined && this.#isLeafOf(known, index);
      const group = isKnown ? known : this.#groupAt(at);
      const { proof, root } = proveInGroup(index, nentries, TREE_LEVEL_MIN, group, upperNode);
      const holds = equalBytes(root, eh);
      if (holds && !isKnown && nentries >= KEPT_ENTRIES_MIN) groups.set(id, at, group);
      return { proof, holds };
    });
  }

  #isLeafOf(group: EntriesTree, index: number): boolean {
    return equalBytes(leafHash(this.#digest(index)), group.leaf(index % GROUP_ENTRIES) ?? EMPTY);
  }

  #groupAt(at: number): EntriesTree {
    const first = at * GROUP_ENTRIES;
    const end = Math.min(first + GROUP_ENTRIES, this.#parts.header.nentries);
    const digests: Uint8Array[] = [];
    for (let i = first; i < end; i++) digests.push(this.#digest(i));
    return new EntriesTree(digests);
  }

  #digest(index: number): Uint8Array {
    const { header, blocks } = this.#parts;
    const block = blocks[Math.floor(index / ROW_ENTRIES)] as EntriesBlock;
    return entryDigest(block.at(index % ROW_ENTRIES).entry, header.version);
  }
}
