// Calls per second and how long one takes, with a fixed number of calls under way all the time. All scenarios take turns,
// several times: what else the machine does meanwhile then hits all of them alike, and their ratios hold.

/** One kind of call. */
export interface Scenario {
  readonly name: string;
  /** Records that one call carries: 1 unless it is a batch or a list. */
  readonly records: number;
  /** Makes the n-th call. A lane (from 0) has one call under way at a time. */
  readonly call: (lane: number, n: number) => Promise<unknown>;
}

export interface Measured {
  readonly scenario: Scenario;
  readonly callsPerSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface Load {
  /** Calls under way at any time. */
  readonly lanes: number;
  readonly warmUpMs: number;
  /** How often each scenario has its turn, and for how long. */
  readonly turns: number;
  readonly turnMs: number;
}

/** What one scenario has done so far. */
class Lap {
  readonly times: number[] = [];
  readonly #scenario: Scenario;
  readonly #lanes: number;
  #calls = 0;
  #seconds = 0;

  constructor(scenario: Scenario, lanes: number) {
    this.#scenario = scenario;
    this.#lanes = lanes;
  }

  async run(forMs: number): Promise<void> {
    const began = performance.now();
    const lane = async (number: number): Promise<void> => {
      while (performance.now() - began < forMs) {
        const start = performance.now();
        await this.#scenario.call(number, this.#calls++);
        this.times.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: this.#lanes }, (_, number) => lane(number)));
    this.#seconds += (performance.now() - began) / 1000;
  }

  /** Forgets what was measured: it was warming up. */
  reset(): void {
    this.times.length = 0;
    this.#seconds = 0;
  }

  result(): Measured {
    const sorted = this.times.toSorted((a, b) => a - b);
    const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
    return {
      scenario: this.#scenario,
      callsPerSecond: sorted.length / this.#seconds,
      medianMs: at(0.5),
      p99Ms: at(0.99),
    };
  }
}

/** Measures all scenarios; the results are in their order. */
export async function measure(scenarios: readonly Scenario[], load: Load): Promise<Measured[]> {
  const laps = scenarios.map((scenario) => new Lap(scenario, load.lanes));
  for (const lap of laps) {
    await lap.run(load.warmUpMs);
    lap.reset();
  }
  for (let turn = 0; turn < load.turns; turn++) for (const lap of laps) await lap.run(load.turnMs);
  return laps.map((lap) => lap.result());
}
