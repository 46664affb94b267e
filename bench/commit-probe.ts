// What the disk and LMDB give at best: durable commits of two small records for each writer that waits, all that wait sharing
// one. The write path can do no better, so its rate is read against this one, taken in turns with it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { key, randomNumbers, VALUE_BYTES } from "./ground.ts";

const KEYS = 10_000;

export class CommitProbe {
  readonly #directory: string;
  readonly #root: RootDatabase<Buffer, Uint8Array>;
  readonly #random = randomNumbers(1);
  readonly #keys = Array.from({ length: KEYS }, (_, n) => key("idx", n));
  readonly #value: Buffer = Buffer.alloc(VALUE_BYTES, "value");
  #written = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#root = open({ path: directory, encoding: "binary", keyEncoding: "binary", overlappingSync: false });
  }

  static async start(): Promise<CommitProbe> {
    return new CommitProbe(await mkdtemp(join(tmpdir(), "bench-commits-")));
  }

  /** Sets per second: a record appended and one of an index replaced, for each of the writers. */
  async run(writers: number, forMs: number): Promise<number> {
    const began = performance.now();
    let sets = 0;
    while (performance.now() - began < forMs) {
      await this.#root.batch(() => {
        for (let i = 0; i < writers; i++) {
          void this.#root.put(key("log", this.#written++), this.#value);
          void this.#root.put(this.#keys[this.#random(KEYS)] as Uint8Array, this.#value);
        }
      });
      sets += writers;
    }
    return sets / ((performance.now() - began) / 1000);
  }

  async close(): Promise<void> {
    await this.#root.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
