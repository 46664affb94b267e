// Transactions of a server that are asked for ahead: over streams where the server has them (export-stream.ts), by calls of
// their own where it has not.

import { Code, ConnectError } from "@connectrpc/connect";
import { type Admit, type BeginExports, ExportStream } from "./export-stream.ts";
import type { ExportAnswer, ExportRequest } from "./replication.ts";

export interface ExportsParts {
  readonly begin: BeginExports;
  /** Asks for one by a call of its own. */
  readonly one: (request: ExportRequest, admit: Admit) => Promise<ExportAnswer>;
  /** Ends what is asked for. */
  readonly signal: AbortSignal;
}

export class Exports {
  readonly #parts: ExportsParts;
  #stream: ExportStream | undefined;
  #hasStreams = true;

  constructor(parts: ExportsParts) {
    this.#parts = parts;
  }

  /**
   * Asks for a transaction. Rejects as ImmuClient.exportTx(). Answers come in the order in which they were asked for; after one
   * that is not there, nothing is: what was asked for behind it is to be asked for again. `admit`: as in ExportOptions.
   */
  async ask(request: ExportRequest, admit: Admit): Promise<ExportAnswer> {
    if (!this.#hasStreams) return this.#parts.one(request, admit);
    if (this.#stream?.isOpen !== true) this.#stream = new ExportStream(this.#parts.begin, this.#parts.signal);
    try {
      return await this.#stream.ask(request, admit);
    } catch (error) {
      if (!(error instanceof ConnectError && error.code === Code.Unimplemented)) throw error;
      this.#hasStreams = false;
      return this.#parts.one(request, admit);
    }
  }
}
