// What recent header blocks of a connection were decoded to. A client that makes the same call again sends the same octets
// again, once its fields are in the dynamic table: a few octets, compared faster than ten fields are looked up and judged.
//
// Only blocks that changed nothing in the dynamic table are kept, and only as long as nothing changes there: then the same
// octets mean the same fields. A block has one slot, by its hash; the last comer has it.

import type { HeaderFields } from "./header-fields.ts";

const SLOTS = 32;
/** Longer blocks are not kept: with {@link SLOTS}, the bound of what a connection costs. */
const BLOCK_BYTES_MAX = 512;

interface Slot {
  readonly block: Uint8Array;
  readonly hash: number;
  readonly fields: HeaderFields;
}

/** Recent header blocks of a connection. */
export class BlockCache {
  readonly #slots: (Slot | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  /** The version of the dynamic table that all slots belong to. */
  #version = 0;
  /** The hash of the block that was looked for last. */
  #hash = 0;

  /** What a block was decoded to, when the dynamic table had this version already. */
  find(block: Uint8Array, version: number): HeaderFields | undefined {
    if (block.length > BLOCK_BYTES_MAX) return undefined;
    if (version !== this.#version) {
      this.#slots.fill(undefined);
      this.#version = version;
    }
    this.#hash = hashOf(block);
    const slot = this.#slots[this.#hash & (SLOTS - 1)];
    if (slot === undefined || slot.hash !== this.#hash) return undefined;
    return sameBytes(slot.block, block) ? slot.fields : undefined;
  }

  /** Keeps what the block of the last {@link find} was decoded to. */
  keep(block: Uint8Array, fields: HeaderFields): void {
    if (block.length > BLOCK_BYTES_MAX) return;
    this.#slots[this.#hash & (SLOTS - 1)] = { block: Uint8Array.from(block), hash: this.#hash, fields };
  }
}

/** FNV-1a, folded so that the low bits depend on all. */
function hashOf(block: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < block.length; i++) hash = Math.imul(hash ^ (block[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
