// The overlay: versions of keys that the index does not hold yet, in memory, in key order. It makes every acknowledged write
// readable at once while the index is written behind the commit.
//
//   indexed ≤ committed ≤ built: the overlay holds every indexable version of the transactions in (indexed, built].
//   Readers take those up to `committed`, the writer's preconditions those up to `built`.
//
// A reader merges it with the index per key: of the index it takes the latest version (transaction t), of the overlay the
// versions after t. That needs no common watermark: an index snapshot that is already newer than the overlay's trimming only
// hides versions that it holds itself. Trimming happens after the engine dropped its older snapshot.
//
// Keys are kept as latin-1 strings, one code unit a byte: they compare as the bytes do. Only who iterates needs them in order,
// so they are put in order then: bulk writing that nobody scans costs no sorting here.

import { assert } from "../base/assert.ts";
import type { KvMetadata } from "../proof/model.ts";
import { SortedKeys } from "./sorted-keys.ts";

/** One version of a key by a transaction that is not indexed yet. Its revision follows from its place after the index. */
export interface OverlayVersion {
  readonly txId: bigint;
  /** Index of the entry in its transaction, from 0. */
  readonly entry: number;
  readonly metadata: KvMetadata | undefined;
}

export function keyToText(key: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(key, 0, key.length);
}

export function textToKey(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

const NONE: readonly OverlayVersion[] = [];
/** How many keys that are held no more may wait to be put in order, beside as many as are held. */
const UNSORTED_SPARE = 1024;

/** The versions of a key, oldest first; one that is alone, as most are, without an array. */
type Held = OverlayVersion | OverlayVersion[];

export class Overlay {
  readonly #held = new Map<string, Held>();
  readonly #sorted = new SortedKeys();
  /** The keys in `#sorted`. */
  readonly #inOrder = new Set<string>();
  /** Every other key that is held, and some that are held no more. */
  #unsorted: string[] = [];
  #size = 0;

  /** Versions held. */
  get size(): number {
    return this.#size;
  }

  /** Adds a version of a key given as text; transactions come in order. */
  add(text: string, version: OverlayVersion): void {
    const held = this.#held.get(text);
    if (held === undefined) {
      this.#held.set(text, version);
      this.#unsorted.push(text);
      if (this.#unsorted.length > 2 * this.#held.size + UNSORTED_SPARE) this.#forgetUnsorted();
    } else {
      const versions = listed(held);
      const last = versions.at(-1) as OverlayVersion;
      assert(last.txId < version.txId, "versions of a key come in the order of transactions");
      versions.push(version);
      this.#held.set(text, versions);
    }
    this.#size++;
  }

  /** Versions of a key, oldest first. */
  versions(key: Uint8Array): readonly OverlayVersion[] {
    return this.#size === 0 ? NONE : this.versionsOfText(keyToText(key));
  }

  /** Versions of a key given as text. */
  versionsOfText(text: string): readonly OverlayVersion[] {
    const held = this.#held.get(text);
    return held === undefined ? NONE : listed(held);
  }

  /** Keys in [from, to) as latin-1 texts, in order or from the end. */
  keys(from: string | undefined, to: string | undefined, reverse: boolean): Iterable<string> {
    for (const text of this.#unsorted) {
      if (!this.#held.has(text) || this.#inOrder.has(text)) continue;
      this.#inOrder.add(text);
      this.#sorted.insert(text);
    }
    this.#unsorted = [];
    return this.#sorted.range(from, to, reverse);
  }

  /** Forgets the versions of a key by transactions up to `txId`: the index has them. */
  dropThrough(text: string, txId: bigint): void {
    const held = this.#held.get(text);
    if (held !== undefined) this.#keep(text, held, (version) => version.txId > txId);
  }

  /** Forgets the versions of transactions after `txId`: they were discarded. */
  dropAfter(txId: bigint): void {
    for (const [text, held] of [...this.#held]) this.#keep(text, held, (version) => version.txId <= txId);
  }

  #keep(text: string, held: Held, wanted: (version: OverlayVersion) => boolean): void {
    const versions = listed(held);
    const kept = versions.filter(wanted);
    this.#size -= versions.length - kept.length;
    if (kept.length > 0) {
      this.#held.set(text, kept);
      return;
    }
    this.#held.delete(text);
    if (this.#inOrder.delete(text)) this.#sorted.remove(text);
  }

  #forgetUnsorted(): void {
    this.#unsorted = [...this.#held.keys()].filter((text) => !this.#inOrder.has(text));
  }
}

function listed(held: Held): OverlayVersion[] {
  return Array.isArray(held) ? held : [held];
}
