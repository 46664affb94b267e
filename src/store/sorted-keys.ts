// A set of strings in code-unit order, as a list of sorted blocks: insertion and removal cost a binary search and a shift
// within one block, iteration from any bound is sequential. A few thousand to a few ten thousand keys is what it is for.

const BLOCK_KEYS_MAX = 512;

export class SortedKeys {
  /** Non-empty sorted blocks, in order. */
  readonly #blocks: string[][] = [];

  /** Adds a key that is not there. */
  insert(key: string): void {
    const blocks = this.#blocks;
    if (blocks.length === 0) {
      blocks.push([key]);
      return;
    }
    const b = Math.max(this.#blockOf(key), 0);
    const block = blocks[b] as string[];
    block.splice(lowerBound(block, key), 0, key);
    if (block.length > BLOCK_KEYS_MAX) blocks.splice(b + 1, 0, block.splice(BLOCK_KEYS_MAX / 2));
  }

  /** Removes a key that is there. */
  remove(key: string): void {
    const b = this.#blockOf(key);
    const block = this.#blocks[b];
    if (block === undefined) return;
    const at = lowerBound(block, key);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0) this.#blocks.splice(b, 1);
  }

  /** Keys in [from, to), ascending, or descending when `reverse`. The set must not change while iterating. */
  *range(from: string | undefined, to: string | undefined, reverse: boolean): Iterable<string> {
    const blocks = this.#blocks;
    if (reverse) {
      const last = to === undefined ? blocks.length - 1 : this.#blockOf(to);
      for (let b = last; b >= 0; b--) {
        const block = blocks[b] as string[];
        for (let i = (to === undefined || b < last ? block.length : lowerBound(block, to)) - 1; i >= 0; i--) {
          const key = block[i] as string;
          if (from !== undefined && key < from) return;
          yield key;
        }
      }
    } else {
      const first = from === undefined ? 0 : Math.max(this.#blockOf(from), 0);
      for (let b = first; b < blocks.length; b++) {
        const block = blocks[b] as string[];
        for (let i = from === undefined || b > first ? 0 : lowerBound(block, from); i < block.length; i++) {
          const key = block[i] as string;
          if (to !== undefined && key >= to) return;
          yield key;
        }
      }
    }
  }

  /** Index of the last block whose first key is <= key; -1 when there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.#blocks[middle] as string[])[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Index of the first element >= key. */
function lowerBound(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
