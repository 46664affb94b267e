// The files of a simulated disk that are not environments: markers, locks, small files and value segments.
//
//   marker        setting it is synced, removing it is not: a machine that goes down may find it again
//   small file    replaced as a whole
//   segment file  keeps what was synced, and of an append under way as much as chance wants
//   spool file    is nothing until it has a name, which it gets as a whole; it is lost with its process
//   lock          held while the process that took it lives

import { concat, EMPTY } from "../../src/base/bytes.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { LastEnd } from "../../src/store/open-marker.ts";
import type { StorePlace } from "../../src/store/place.ts";
import type { SegmentFiles } from "../../src/store/segment-files.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A process on the simulated machine; it has no effect any more once it is dead. */
export interface SimulatedProcess {
  alive: boolean;
}

/** Waits some turns of the event loop; for ever when the process is dead then. Throws when the write fails. */
export type WriteTime = (process: SimulatedProcess) => Promise<void>;

interface Marker {
  cached: number | undefined;
  synced: number | undefined;
}

interface SegmentFile {
  synced: Uint8Array;
  appending: Uint8Array;
}

export class SimulatedFiles {
  readonly #random: SeededRandom;
  readonly #writeTime: WriteTime;
  readonly #owners = new Map<string, SimulatedProcess>();
  readonly #markers = new Map<string, Marker>();
  readonly #small = new Map<string, Uint8Array>();
  readonly #segments = new Map<string, SegmentFile>();
  /** Counts up when the machine goes down: the boot id. */
  #boot = 1;

  constructor(random: SeededRandom, writeTime: WriteTime) {
    this.#random = random;
    this.#writeTime = writeTime;
  }

  /** Throws `locked` while a living process holds the directory. */
  async occupy(directory: string, process: SimulatedProcess): Promise<void> {
    await this.#writeTime(process);
    if (this.#owners.get(directory)?.alive) throw new StoreError("locked", `${directory} is in use`);
    this.#owners.set(directory, process);
  }

  leave(directory: string, process: SimulatedProcess): void {
    if (this.#owners.get(directory) === process) this.#owners.delete(directory);
  }

  read(path: string): Uint8Array | undefined {
    return this.#small.get(path)?.slice();
  }

  async replace(path: string, content: Uint8Array, process: SimulatedProcess): Promise<void> {
    await this.#writeTime(process);
    this.#small.set(path, content.slice());
  }

  /** The place of one database. */
  place(directory: string, process: SimulatedProcess): StorePlace {
    return {
      occupy: () => this.occupy(directory, process),
      lastEnd: async () => this.#lastEnd(directory),
      markOpen: async () => {
        await this.#writeTime(process);
        const boot = this.#boot;
        this.#markers.set(directory, { cached: boot, synced: this.#markers.get(directory)?.synced });
      },
      syncMarker: async () => {
        await this.#writeTime(process);
        this.#markers.set(directory, { cached: this.#boot, synced: this.#boot });
      },
      markClosed: async () => {
        await this.#writeTime(process);
        this.#markers.set(directory, { cached: undefined, synced: this.#markers.get(directory)?.synced });
      },
      segmentFiles: () => this.#segmentFiles(`${directory}/values/`, process),
      leave: async () => this.leave(directory, process),
    };
  }

  /** Removes everything below a directory. */
  remove(directory: string): void {
    for (const files of [this.#owners, this.#markers, this.#small, this.#segments]) {
      for (const path of [...files.keys()])
        if (path === directory || path.startsWith(`${directory}/`)) files.delete(path);
    }
  }

  cutPower(): void {
    this.#boot++;
    for (const marker of this.#markers.values()) {
      if (this.#random.chance(0.5)) marker.cached = marker.synced;
      marker.synced = marker.cached;
    }
    for (const file of this.#segments.values()) this.#cutOff(file);
  }

  /** Of an append that did not end well as much is there as chance wants. */
  #cutOff(file: SegmentFile): void {
    file.synced = concat(file.synced, file.appending.subarray(0, this.#random.below(file.appending.length + 1)));
    file.appending = EMPTY;
  }

  #lastEnd(directory: string): LastEnd {
    const boot = this.#markers.get(directory)?.cached;
    if (boot === undefined) return "clean";
    return boot === this.#boot ? "process_died" : "machine_went_down";
  }

  #segmentFiles(prefix: string, process: SimulatedProcess): SegmentFiles {
    const files = this.#segments;
    return {
      list: async () =>
        [...files]
          .filter(([path]) => path.startsWith(prefix))
          .map(([path, { synced }]) => ({ name: path.slice(prefix.length), bytes: synced.length }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      append: async (name, pieces) => {
        const file = files.get(prefix + name) ?? { synced: EMPTY, appending: EMPTY };
        files.set(prefix + name, file);
        const position = file.synced.length;
        file.appending = concat(...pieces);
        await this.#writeTime(process).catch((error: unknown) => {
          this.#cutOff(file);
          throw error;
        });
        file.synced = concat(file.synced, file.appending);
        file.appending = EMPTY;
        return position;
      },
      read: (name, position, length) => {
        const bytes = files.get(prefix + name)?.synced;
        return bytes === undefined || bytes.length < position + length
          ? undefined
          : bytes.slice(position, position + length);
      },
      create: async (name, bytes) => {
        await this.#writeTime(process);
        files.set(prefix + name, { synced: bytes.slice(), appending: EMPTY });
      },
      spool: async () => {
        let content: Uint8Array = EMPTY;
        return {
          write: async (bytes) => {
            content = concat(content, bytes);
          },
          sync: () => this.#writeTime(process),
          adopt: async (name, head) => {
            await this.#writeTime(process);
            content.set(head);
            files.set(prefix + name, { synced: content, appending: EMPTY });
          },
          close: async () => undefined,
        };
      },
      remove: async (names) => {
        await this.#writeTime(process);
        for (const name of names) files.delete(prefix + name);
      },
      close: () => undefined,
    };
  }
}
