// The low-disk watermark: below it writes are refused while there is still room for what was already accepted (the index,
// truncation, a clean close). Reads go on, and writes too once space has returned.
//
//   enough ──free < watermark──▶ low ──free ≥ watermark──▶ enough
//
// Asking the file system costs a system call, so it is asked at most once a second or once every 16 MiB of values: the
// watermark has to be well above that. A disk that is full all the same (other programs write too) is met by the commit log:
// it finds out what became of the write and says so.

import { statfsSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { DISK_LOOK_EVERY_BYTES, DISK_LOOK_EVERY_MS } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { StoreError } from "./errors.ts";

/** The setting that refusals name. */
const SETTING = "disk-low-watermark";

export interface FreeSpace {
  /** Bytes that this process may still write where databases are kept; undefined when that cannot be told. */
  bytes(): number | undefined;
}

/** Free space of the file system that a directory is on. */
export function freeSpaceOf(directory: string): FreeSpace {
  return {
    bytes() {
      try {
        const { bavail, bsize } = statfsSync(directory);
        return bavail * bsize;
      } catch {
        return undefined;
      }
    },
  };
}

export interface DiskSpaceOptions {
  readonly free: FreeSpace;
  /** 0: never low. */
  readonly watermarkBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One for all databases of a data directory. */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #low = false;
  /** As of the last look. */
  #freeBytes = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #writtenBytes = 0;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /** Whether writes are refused, as of a look at most DISK_LOOK_EVERY_MS ago. */
  get isLow(): boolean {
    if (this.#options.watermarkBytes > 0) this.#lookWhenDue();
    return this.#low;
  }

  /** Bytes that may still be written; undefined when that cannot be told. */
  get freeBytes(): number | undefined {
    return this.#options.free.bytes();
  }

  /** Throws `disk_low` when `bytes` more should not be written. */
  requireRoom(bytes: number): void {
    const { watermarkBytes } = this.#options;
    if (watermarkBytes === 0) return;
    this.#writtenBytes += bytes;
    this.#lookWhenDue();
    if (!this.#low) return;
    const message = `the disk is almost full: ${this.#freeBytes} bytes are free, and below ${watermarkBytes} (${SETTING}) writes are refused`;
    const data = { setting: SETTING, limit: watermarkBytes, freeBytes: this.#freeBytes };
    throw new StoreError("disk_low", message, data);
  }

  #lookWhenDue(): void {
    const now = this.#options.clock.nowMs();
    // A clock that was set back is no reason to stop looking.
    const isDue = Math.abs(now - this.#lookedMs) >= DISK_LOOK_EVERY_MS;
    if (!isDue && (this.#low || this.#writtenBytes < DISK_LOOK_EVERY_BYTES)) return;
    this.#lookedMs = now;
    this.#writtenBytes = 0;
    this.#look();
  }

  #look(): void {
    const { free, watermarkBytes, logger } = this.#options;
    const freeBytes = free.bytes();
    const low = freeBytes !== undefined && freeBytes < watermarkBytes;
    if (low !== this.#low) {
      const fields = { freeBytes, setting: SETTING, limit: watermarkBytes };
      if (low) logger.error(fields, "the disk is almost full: writes are refused until there is room");
      else logger.info(fields, "there is room on the disk again: writes are taken");
    }
    this.#low = low;
    this.#freeBytes = freeBytes ?? 0;
  }
}
