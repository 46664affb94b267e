// What recent header blocks of a connection were decoded to. A client that makes the same call again sends the same octets
// again, once its fields are in the dynamic table: a few octets, compared faster than ten fields are looked up and judged.
//
// Only blocks that changed nothing in the dynamic table are kept, and only as long as nothing changes there: then the same
// octets mean the same fields. A block has one slot, by its hash; the last comer has it.

import { equalBytes } from "../base/bytes.ts";
import type { HeaderFields } from "./header-fields.ts";

const SLOTS = 32;
/** Longer blocks are not kept: with {@link SLOTS}, the bound of what a connection costs. */
const BLOCK_BYTES_MAX = 512;

interface Slot {
  readonly block: Uint8Array;
  readonly fields: HeaderFields;
}

/** Recent header blocks of a connection. */
export class BlockCache {
  readonly #slots: (Slot | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  /** The version of the dynamic table that all slots belong to. */
  #version = 0;
  #isEmpty = true;
  /** The slot of the block that was looked for last. */
  #slot = 0;

  /** What a block was decoded to, when the dynamic table had this version already. */
  find(block: Uint8Array, version: number): HeaderFields | undefined {
    if (block.length > BLOCK_BYTES_MAX) return undefined;
    if (version !== this.#version) {
      if (!this.#isEmpty) this.#slots.fill(undefined);
      this.#isEmpty = true;
      this.#version = version;
    }
    this.#slot = slotOf(block);
    const slot = this.#slots[this.#slot];
    return slot !== undefined && equalBytes(slot.block, block) ? slot.fields : undefined;
  }

  /** Keeps what the block of the last {@link find} was decoded to. */
  keep(block: Uint8Array, fields: HeaderFields): void {
    if (block.length > BLOCK_BYTES_MAX) return;
    this.#slots[this.#slot] = { block: new Uint8Array(block), fields };
    this.#isEmpty = false;
  }
}

/** FNV-1a, folded so that the low bits depend on all. */
function slotOf(block: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < block.length; i++) hash = Math.imul(hash ^ (block[i] as number), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
