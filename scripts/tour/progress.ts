// How far a long step has come: a bar that redraws itself on a terminal, a line at its end anywhere else. On standard error,
// so that what is printed on standard output can be piped on.

const BAR_WIDTH = 30;
const REDRAW_MS = 100;

export class Progress {
  readonly #what: string;
  readonly #total: number | undefined;
  readonly #began: number = performance.now();
  #done = 0;
  #drawnAt = 0;

  /** `total` undefined: nobody knows yet how many there are. */
  constructor(what: string, total?: number) {
    this.#what = what;
    this.#total = total;
  }

  /** Some more are done. */
  add(count = 1): void {
    this.#done += count;
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    process.stderr.write(`\r${this.#bar()}\x1b[K`);
  }

  /** Ends the step. Returns its duration in seconds. */
  end(): number {
    const seconds = (performance.now() - this.#began) / 1000;
    const line = `${this.#what}: ${this.#done.toLocaleString("en")} in ${seconds.toFixed(1)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K\n` : `${line}\n`);
    return seconds;
  }

  #bar(): string {
    const count = this.#done.toLocaleString("en");
    if (this.#total === undefined) return `${this.#what}  ${count}`;
    const part = Math.min(1, this.#done / Math.max(1, this.#total));
    const full = Math.round(part * BAR_WIDTH);
    const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
    return `${this.#what}  ${bar}  ${count} of ${this.#total.toLocaleString("en")}`;
  }
}
