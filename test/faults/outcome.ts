// What every part of the campaign hands back: one row of its table.

export interface Outcome {
  /** What was done to the store or the server. */
  readonly fault: string;
  /** By which means. */
  readonly how: string;
  readonly rounds: number;
  /** Writes that were acknowledged, and of these the ones that are not there afterwards. */
  readonly acknowledged: number;
  readonly lost: number;
  /** Writes that were refused for certain, and those of which nobody was told. */
  readonly refused: number;
  readonly unknown: number;
  /** Longest time to open again afterwards, in milliseconds. */
  readonly recoveryMs: number;
  /** What else is worth knowing. */
  readonly remarks: string;
  /** None: passed. */
  readonly findings: readonly string[];
}

/**
 * Why a fault cannot be made here; it is not tested then. `installable`: a program is missing, which CI has to install;
 * otherwise the machine does not let us.
 */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  readonly remedy: "installable" | "none";

  constructor(message: string, remedy: "installable" | "none" = "none") {
    super(message);
    this.remedy = remedy;
  }
}

export interface FaultOptions {
  /** Everything, or a sample that fits into the ordinary tests. */
  readonly extent: "all" | "sample";
}

export interface Fault {
  readonly name: string;
  /** Throws Unavailable. Several rows when it has several kinds. */
  run(options: FaultOptions): Promise<readonly Outcome[]>;
}

/** Adds up rounds of one fault. */
export class Tally {
  #rounds = 0;
  #acknowledged = 0;
  #lost = 0;
  #refused = 0;
  #unknown = 0;
  #recoveryMs = 0;
  readonly findings: string[] = [];

  add(
    name: string,
    judged: {
      readonly acknowledged: number;
      readonly lost: number;
      readonly refused: number;
      readonly unknown: number;
      readonly openMs: number;
      readonly findings: readonly string[];
    },
  ): void {
    this.#rounds++;
    this.#acknowledged += judged.acknowledged;
    this.#lost += judged.lost;
    this.#refused += judged.refused;
    this.#unknown += judged.unknown;
    this.#recoveryMs = Math.max(this.#recoveryMs, judged.openMs);
    this.findings.push(...judged.findings.map((finding) => `${name}: ${finding}`));
  }

  /** A round that ended before it could be judged. */
  failed(name: string, error: unknown): void {
    this.#rounds++;
    this.findings.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  }

  outcome(fault: string, how: string, remarks: string): Outcome {
    return {
      fault,
      how,
      remarks,
      rounds: this.#rounds,
      acknowledged: this.#acknowledged,
      lost: this.#lost,
      refused: this.#refused,
      unknown: this.#unknown,
      recoveryMs: this.#recoveryMs,
      findings: this.findings,
    };
  }
}
