// Where the latest versions of keys are that were asked for of late, as the index has them: what is asked for again costs no
// read of the index. Values are not among it: they are read each time.
//
//   keys       slot s: u8 length | key, at s × KEY_ROOM    a key has two slots, side by side; a new one takes the first or the
//   versions   slot s: its version                         second, in turns
//
// It begins small and grows while it fills. The indexer drops what a batch has changed, in the turn in which the overlay
// forgets it: until then the older version with the overlay's on top of it makes the same answer.

import { RECENT_KEY_BYTES_MAX, RECENT_VERSIONS_MAX } from "../base/limits.ts";
import type { VersionRecord } from "./layout.ts";

const SLOTS_AT_FIRST = 256;
const KEY_ROOM: number = 1 + RECENT_KEY_BYTES_MAX;

export class RecentVersions {
  #slots = 0;
  #keys = new Uint8Array(0);
  #versions: (VersionRecord | undefined)[] = [];
  /** Versions added, those that it had when it grew last among them. */
  #added = 0;

  get(key: Uint8Array): VersionRecord | undefined {
    const slot = this.#slotOf(key);
    return slot < 0 ? undefined : this.#versions[slot];
  }

  /** Adds a key that it does not have. Long ones are not kept. */
  set(key: Uint8Array, version: VersionRecord): void {
    if (key.length > RECENT_KEY_BYTES_MAX) return;
    if (this.#added >= this.#slots / 2 && this.#slots < RECENT_VERSIONS_MAX) this.#grow();
    const first = this.#firstSlot(key);
    const slot = this.#versions[first] === undefined ? first : first + (this.#added & 1);
    const at = slot * KEY_ROOM;
    this.#keys[at] = key.length;
    for (let i = 0; i < key.length; i++) this.#keys[at + 1 + i] = key[i] as number;
    this.#versions[slot] = version;
    this.#added++;
  }

  /** Forgets a key. */
  drop(key: Uint8Array): void {
    const slot = this.#slotOf(key);
    if (slot >= 0) this.#versions[slot] = undefined;
  }

  #grow(): void {
    const [keys, versions] = [this.#keys, this.#versions];
    this.#slots = Math.max(SLOTS_AT_FIRST, this.#slots * 2);
    this.#keys = new Uint8Array(this.#slots * KEY_ROOM);
    this.#versions = new Array(this.#slots).fill(undefined);
    this.#added = 0;
    for (const [slot, version] of versions.entries()) {
      const at = slot * KEY_ROOM + 1;
      if (version !== undefined) this.set(keys.subarray(at, at + (keys[at - 1] as number)), version);
    }
  }

  /** Where a key is; -1 when it is not. */
  #slotOf(key: Uint8Array): number {
    if (this.#slots === 0) return -1;
    const first = this.#firstSlot(key);
    if (this.#isAt(first, key)) return first;
    return this.#isAt(first + 1, key) ? first + 1 : -1;
  }

  #isAt(slot: number, key: Uint8Array): boolean {
    const at = slot * KEY_ROOM;
    if (this.#versions[slot] === undefined || this.#keys[at] !== key.length) return false;
    for (let i = 0; i < key.length; i++) if (this.#keys[at + 1 + i] !== key[i]) return false;
    return true;
  }

  /** FNV-1a, which is quick; who chooses keys that share slots only makes his own reads slower. */
  #firstSlot(key: Uint8Array): number {
    let hash = 0x811c_9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x0100_0193);
    return (hash ^ (hash >>> 15)) & (this.#slots - 2);
  }
}
