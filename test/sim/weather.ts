// What the machine does to the server besides dying: a disk that is full or fails, and a clock that jumps.

import type { Clock, Timers } from "../../src/base/clock.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { WriteFault } from "../support/simulated-engine.ts";
import { turns } from "./waiting.ts";

const TEN_DAYS_MS = 864_000_000;
/** How long a turn of the event loop takes, for timers. */
const TURN_MS = 20;

/** A disk that serves, is full, or fails now and then. */
export class DiskTrouble {
  mode: "none" | "full" | "failing" = "none";
  /** Whether a write has failed since this was last set to false. */
  hadTrouble = false;
  readonly injected: Record<Exclude<WriteFault, "none">, number> = { full: 0, lost: 0, stored: 0 };
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** The fate of the next write. */
  next(): WriteFault {
    const fault = this.#draw();
    if (fault !== "none") {
      this.hadTrouble = true;
      this.injected[fault]++;
    }
    return fault;
  }

  #draw(): WriteFault {
    if (this.mode === "full") return "full";
    if (this.mode === "none" || this.#random.chance(0.6)) return "none";
    return this.#random.chance(0.5) ? "lost" : "stored";
  }
}

/** A clock that goes on a little at every reading of the world, and jumps when it is told to. */
export class SimulatedClock implements Clock {
  #ms = 1_700_000_000_000;
  #latestMs: number = this.#ms;

  /** What it said just before and just after each jump, in Unix seconds. */
  readonly jumps: bigint[] = [];

  /** The latest that it has ever said. */
  get latestMs(): number {
    return this.#latestMs;
  }

  nowMs(): number {
    return this.#ms;
  }

  /** Unix seconds. */
  now(): bigint {
    return BigInt(Math.floor(this.#ms / 1000));
  }

  advance(ms: number): void {
    this.#ms += ms;
    this.#latestMs = Math.max(this.#latestMs, this.#ms);
  }

  /** Up to ten days either way. Returns by how much, in milliseconds. */
  jump(random: SeededRandom): number {
    const ms = random.below(2 * TEN_DAYS_MS) - TEN_DAYS_MS;
    this.jumps.push(this.now());
    this.advance(ms);
    this.jumps.push(this.now());
    return ms;
  }
}

/** Timers of one process: they count turns of the event loop, and end with the process. */
export class SimulatedTimers implements Timers {
  #alive = true;

  after(ms: number, action: () => void): () => void {
    let wanted = true;
    void turns(Math.ceil(ms / TURN_MS)).then(() => {
      if (wanted && this.#alive) action();
    });
    return () => {
      wanted = false;
    };
  }

  end(): void {
    this.#alive = false;
  }
}
