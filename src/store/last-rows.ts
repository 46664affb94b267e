// The rows of entries and values that were read last, for the turn of the event loop that reads them: who reads in order of keys
// often finds them in order of transactions. The next turn reads values from the disk again.

import type { EntriesBlock } from "./entries-block.ts";

interface Kept<T> {
  readonly txId: bigint;
  readonly row: number;
  readonly what: T;
}

export class LastRows {
  /** The transaction of the value read last. */
  txId = 0n;
  #block: Kept<EntriesBlock> | undefined;
  #values: Kept<Uint8Array> | undefined;
  #isForgetting = false;

  block(txId: bigint, row: number): EntriesBlock | undefined {
    return found(this.#block, txId, row);
  }

  keepBlock(txId: bigint, row: number, block: EntriesBlock): void {
    this.#block = { txId, row, what: block };
    this.#forgetSoon();
  }

  values(txId: bigint, row: number): Uint8Array | undefined {
    return found(this.#values, txId, row);
  }

  keepValues(txId: bigint, row: number, values: Uint8Array): void {
    this.#values = { txId, row, what: values };
    this.#forgetSoon();
  }

  readonly forget = (): void => {
    this.txId = 0n;
    this.#block = undefined;
    this.#values = undefined;
    this.#isForgetting = false;
  };

  #forgetSoon(): void {
    if (this.#isForgetting) return;
    this.#isForgetting = true;
    queueMicrotask(this.forget);
  }
}

function found<T>(kept: Kept<T> | undefined, txId: bigint, row: number): T | undefined {
  return kept !== undefined && kept.txId === txId && kept.row === row ? kept.what : undefined;
}
