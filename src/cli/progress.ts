// How far a long command has come: one line on a terminal, drawn over and over; nothing where nobody looks.

const BAR_WIDTH = 30;
const DRAW_EVERY_MS = 100;

interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export class Progress {
  readonly #terminal: Terminal;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** `done` of `all`, in whatever the label says. The last one is always drawn. */
  show(label: string, done: bigint | number, all: bigint | number): void {
    const now = performance.now();
    if (this.#terminal.isTTY !== true || (done < all && now - this.#drawnMs < DRAW_EVERY_MS)) return;
    this.#drawnMs = now;
    const share = Number(all) === 0 ? 1 : Math.min(1, Number(done) / Number(all));
    const filled = Math.round(share * BAR_WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
    this.#terminal.write(`\r\u001b[K${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${label}`);
    this.#isShown = true;
  }

  /** Takes the line away: what follows begins where it was. */
  end(): void {
    if (this.#isShown) this.#terminal.write("\r\u001b[K");
    this.#isShown = false;
  }
}
