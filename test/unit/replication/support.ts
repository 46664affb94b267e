// A primary that a test drives: it answers from a list of transactions when told to, and remembers what it was asked.

import type { ExportAnswer, ExportOptions, ExportRequest } from "../../../src/client/replication.ts";
import type { ExportsAhead, Primary } from "../../../src/replication/primary.ts";

export interface Asked extends ExportRequest {
  readonly options: ExportOptions;
  answer(answer: Partial<ExportAnswer>): void;
  refuse(error: unknown): void;
}

/** Leaves every call open until the test answers it. */
export class DrivenPrimary implements Primary {
  /** Calls that are not answered, oldest first. */
  open: Asked[] = [];
  /** All transactions that were ever asked for. */
  readonly asked: bigint[] = [];
  /** Most calls that were open at a time. */
  openMax = 0;

  export(request: ExportRequest, options: ExportOptions): Promise<ExportAnswer> {
    this.asked.push(request.tx);
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        ...request,
        options,
        answer: (answer) => {
          this.open = this.open.filter((one) => one !== asked);
          resolve({ blob: undefined, committedTxId: undefined, mayCommit: undefined, ...answer });
        },
        refuse: (error) => {
          this.open = this.open.filter((one) => one !== asked);
          reject(error);
        },
      };
      this.open.push(asked);
      this.openMax = Math.max(this.openMax, this.open.length);
    });
  }

  exports(signal: AbortSignal): ExportsAhead {
    return { ask: (request, admit) => this.export(request, { signal, admit }) };
  }

  of(tx: bigint): Asked {
    const asked = this.open.find((one) => one.tx === tx);
    if (asked === undefined) throw new Error(`transaction ${tx} was not asked for`);
    return asked;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Lets everything happen that can without time passing. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
