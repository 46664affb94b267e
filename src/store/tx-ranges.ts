// A set of transaction ids, as ranges: what is damaged usually lies together.

interface Range {
  readonly from: bigint;
  to: bigint;
}

const SHOWN_MAX = 5;

export class TxRanges {
  readonly #ranges: Range[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Ranges must be added in order. */
  add(from: bigint, to: bigint): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last.to >= from - 1n) last.to = to;
    else this.#ranges.push({ from, to });
  }

  has(txId: bigint): boolean {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).to < txId) low = middle + 1;
      else high = middle;
    }
    const range = this.#ranges[low];
    return range !== undefined && range.from <= txId;
  }

  /** The first of them, for a person. */
  toString(): string {
    const shown = this.#ranges.slice(0, SHOWN_MAX).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
    const more = this.#ranges.length - shown.length;
    return `${shown.join(", ")}${more > 0 ? ` and ${more} other ranges` : ""}`;
  }
}
