// The truncations of one database, one at a time (truncate.ts says how each goes).

import type { Logger } from "../base/observe.ts";
import { type Exclusively, finishTruncation, type LogPlace, requireTruncatable, truncateValues } from "./truncate.ts";
import type { TxLog } from "./tx-log.ts";

export interface TruncationParts {
  readonly database: string;
  readonly log: TxLog;
  readonly place: LogPlace;
  readonly exclusively: Exclusively;
  readonly logger: Logger;
}

export class Truncations {
  readonly #parts: TruncationParts;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: TruncationParts) {
    this.#parts = parts;
  }

  /** Removes the values of transactions before `txId`. Throws `illegal_arguments` for one that is not committed. */
  async before(txId: bigint, committed: bigint): Promise<void> {
    requireTruncatable(txId, committed);
    const { log, place, exclusively } = this.#parts;
    await this.#inTurn(() => truncateValues(log, txId, place, exclusively));
  }

  /**
   * A truncation that a crash interrupted is finished before anything is served. When it cannot be (a full disk), the values
   * are as unreadable as before, and the next truncation or start removes their bytes.
   */
  async finish(): Promise<void> {
    const { database, log, place, exclusively, logger } = this.#parts;
    try {
      await this.#inTurn(() => finishTruncation(log, place, exclusively));
    } catch (error) {
      const message = "a truncation cannot be finished: bytes of truncated values stay";
      logger.error({ database, error: String(error) }, message);
    }
  }

  /** Resolves when none is under way. */
  ended(): Promise<void> {
    return this.#turn;
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
