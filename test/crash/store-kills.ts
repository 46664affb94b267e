// A store without a server, killed in the phases that cannot be aimed at from outside a server: the program says when an index
// batch, an opening, a truncation or a verification begins and ends, and is killed somewhere in between; whether the end was
// said tells where the kill fell. The store is one and the same in all rounds, until it has grown so much that reading all
// of it takes too long.

import { mkdir, rm } from "node:fs/promises";
import type { SeededRandom } from "../support/seeded-random.ts";
import { type Judged, type JudgedPlace, judgeStore, nextAttempt } from "../support/store-judge.ts";
import { StoreRun } from "../support/store-run.ts";
import type { Phase, Report, WriterPlan } from "../support/store-writer.ts";

/** The phase that a kill fell into; "writing": into none of them. */
export type StoreMoment = "open" | "index batch" | "truncation" | "verify" | "writing";

export interface StoreKill {
  readonly moment: StoreMoment;
  readonly judged: Judged;
}

const MOMENTS: Readonly<Record<Phase, StoreMoment>> = {
  open: "open",
  index: "index batch",
  truncate: "truncation",
  verify: "verify",
};
/** How long a phase takes at most, roughly, in milliseconds: a kill is to fall anywhere in it. */
const LASTS_MS: Readonly<Record<Phase, number>> = { open: 40, index: 8, truncate: 25, verify: 60 };
const TARGETS: readonly Phase[] = ["open", "index", "truncate", "verify"];
const ROUNDS_PER_STORE = 12;

export class StoreKills {
  readonly #directory: string;
  readonly #random: SeededRandom;
  #rounds = 0;
  #reports: Report[] = [];
  #before: Judged | undefined;

  /** `directory` is made when it is needed. */
  constructor(directory: string, random: SeededRandom) {
    this.#directory = directory;
    this.#random = random;
  }

  /** One kill, and the judgement of what came since the last one. */
  async round(): Promise<StoreKill> {
    if (this.#rounds % ROUNDS_PER_STORE === 0) await this.#startAnew();
    const target = TARGETS[this.#rounds % TARGETS.length] as Phase;
    const place = this.#place();
    this.#rounds++;
    const plan: WriterPlan = {
      ...place,
      script: target === "verify" ? "verify" : "loop",
      first: nextAttempt(this.#reports),
      entries: 200,
      truncateEvery: 4,
    };
    const run = new StoreRun(plan);
    const nth = target === "open" || target === "verify" ? 1 : 1 + this.#random.below(4);
    const phases = await run.killDuring(target, nth, this.#random.next() * LASTS_MS[target]);
    this.#reports.push(...run.reports);
    const judged = await judgeStore(place, this.#reports);
    this.#reports.push(...judged.reports);
    const kill = { moment: momentOf(phases, target), judged: since(judged, this.#before) };
    this.#before = judged;
    return kill;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #startAnew(): Promise<void> {
    await this.remove();
    await mkdir(this.#directory, { recursive: true });
    this.#reports = [];
    this.#before = undefined;
  }

  #place(): JudgedPlace {
    const valuesInSegments = Math.floor(this.#rounds / ROUNDS_PER_STORE) % 2 === 0;
    return { directory: this.#directory, valuesInSegments, valueBytes: 100 };
  }
}

function momentOf(phases: readonly Phase[], target: Phase): StoreMoment {
  const phase = phases.includes(target) ? target : phases[0];
  return phase === undefined ? "writing" : MOMENTS[phase];
}

/** Counts of this round alone; the judge counts from the first one on, and adds a transaction of its own. */
function since(now: Judged, before: Judged | undefined): Judged {
  if (before === undefined) return now;
  return {
    ...now,
    acknowledged: now.acknowledged - before.acknowledged - 1,
    entries: now.entries - before.entries - 1,
    refused: now.refused - before.refused,
    unknown: now.unknown - before.unknown,
    foundComplete: now.foundComplete - before.foundComplete,
  };
}
