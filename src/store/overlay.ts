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

interface Held {
  /** Oldest first. */
  versions: OverlayVersion[];
  /** Whether the key is among those in order. */
  isSorted: boolean;
}

export class Overlay {
  readonly #held = new Map<string, Held>();
  readonly #sorted = new SortedKeys();
  /** Every key that is not in `#sorted` yet, and some that are held no more. */
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
      this.#held.set(text, { versions: [version], isSorted: false });
      this.#unsorted.push(text);
      if (this.#unsorted.length > 2 * this.#held.size + UNSORTED_SPARE) this.#forgetUnsorted();
    } else {
      const last = held.versions.at(-1) as OverlayVersion;
      assert(last.txId < version.txId, "versions of a key come in the order of transactions");
      held.versions.push(version);
    }
    this.#size++;
  }

  /** Versions of a key, oldest first. */
  versions(key: Uint8Array): readonly OverlayVersion[] {
    return this.#size === 0 ? NONE : this.versionsOfText(keyToText(key));
  }

  /** Versions of a key given as text. */
  versionsOfText(text: string): readonly OverlayVersion[] {
    return this.#held.get(text)?.versions ?? NONE;
  }

  /** Keys in [from, to) as latin-1 texts, in order or from the end. */
  keys(from: string | undefined, to: string | undefined, reverse: boolean): Iterable<string> {
    for (const text of this.#unsorted) {
      const held = this.#held.get(text);
      if (held === undefined || held.isSorted) continue;
      held.isSorted = true;
      this.#sorted.insert(text);
    }
    this.#unsorted = [];
    return this.#sorted.range(from, to, reverse);
  }

  /** Forgets the versions of a key by transactions up to `txId`: the index has them. */
  dropThrough(text: string, txId: bigint): void {
    const held = this.#held.get(text);
    if (held === undefined) return;
    const newer = held.versions.findIndex((version) => version.txId > txId);
    this.#keep(text, held, newer < 0 ? [] : held.versions.slice(newer));
  }

  /** Forgets the versions of transactions after `txId`: they were discarded. */
  dropAfter(txId: bigint): void {
    for (const [text, held] of [...this.#held]) {
      const kept = held.versions.filter((version) => version.txId <= txId);
      this.#keep(text, held, kept);
    }
  }

  #keep(text: string, held: Held, kept: OverlayVersion[]): void {
    this.#size -= held.versions.length - kept.length;
    held.versions = kept;
    if (kept.length > 0) return;
    this.#held.delete(text);
    if (held.isSorted) this.#sorted.remove(text);
  }

  #forgetUnsorted(): void {
    this.#unsorted = [...this.#held].filter(([, { isSorted }]) => !isSorted).map(([text]) => text);
  }
}
