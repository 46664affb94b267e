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
// Keys are kept as latin-1 strings, one code unit a byte: they compare as the bytes do.

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
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

export function textToKey(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

const NONE: readonly OverlayVersion[] = [];

export class Overlay {
  readonly #versions = new Map<string, OverlayVersion[]>();
  readonly #keys = new SortedKeys();
  #size = 0;

  /** Versions held. */
  get size(): number {
    return this.#size;
  }

  /** Adds a version; transactions come in order. */
  add(key: Uint8Array, version: OverlayVersion): void {
    const text = keyToText(key);
    const versions = this.#versions.get(text);
    if (versions === undefined) {
      this.#versions.set(text, [version]);
      this.#keys.insert(text);
    } else {
      assert(
        (versions.at(-1) as OverlayVersion).txId < version.txId,
        "versions of a key come in the order of transactions",
      );
      versions.push(version);
    }
    this.#size++;
  }

  /** Versions of a key, oldest first. */
  versions(key: Uint8Array): readonly OverlayVersion[] {
    return this.#versions.size === 0 ? NONE : (this.#versions.get(keyToText(key)) ?? NONE);
  }

  /** Keys in [from, to) as latin-1 texts, in order or from the end. */
  keys(from: string | undefined, to: string | undefined, reverse: boolean): Iterable<string> {
    return this.#keys.range(from, to, reverse);
  }

  /** Versions of a key given as text. */
  versionsOfText(text: string): readonly OverlayVersion[] {
    return this.#versions.get(text) ?? NONE;
  }

  /** Forgets the versions of transactions up to `txId`: the index has them. */
  dropThrough(keys: Iterable<string>, txId: bigint): void {
    for (const text of keys) this.#keep(text, (version) => version.txId > txId);
  }

  /** Forgets the versions of transactions after `txId`: they were discarded. */
  dropAfter(txId: bigint): void {
    for (const text of [...this.#versions.keys()]) this.#keep(text, (version) => version.txId <= txId);
  }

  #keep(text: string, wanted: (version: OverlayVersion) => boolean): void {
    const versions = this.#versions.get(text);
    if (versions === undefined) return;
    const kept = versions.filter(wanted);
    this.#size -= versions.length - kept.length;
    if (kept.length > 0) {
      this.#versions.set(text, kept);
    } else {
      this.#versions.delete(text);
      this.#keys.remove(text);
    }
  }
}
