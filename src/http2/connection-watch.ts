// What takes too long on a connection. Time is counted in the ticks of the server, so nothing on the way of a call looks at a
// clock; a time is up one tick late at worst.

import type { Http2Limits } from "./http2-limits.ts";

/** A connection at the time of a tick. */
export interface ConnectionState {
  /** Preface and SETTINGS of the peer have come. */
  readonly begun: boolean;
  /** A header block has begun and not ended; and how many had ended before. */
  readonly inBlock: boolean;
  readonly blocks: number;
  readonly calls: number;
  /** Something waits to be sent, for windows of the peer or because it does not read; and a count of what was sent before. */
  readonly waits: boolean;
  readonly sent: number;
}

export type Overdue = "preface" | "headers" | "output" | "idle";

export class ConnectionWatch {
  /** Bytes have come since the last tick. */
  heard = true;

  readonly #limits: Http2Limits;
  #prefaceMs = 0;
  #blockMs = 0;
  #block = -1;
  #stalledMs = 0;
  #sent = -1;
  #silentMs = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  /** So much time has passed. Returns what is overdue. */
  tick(ms: number, { begun, inBlock, blocks, calls, waits, sent }: ConnectionState): Overdue | undefined {
    const { prefaceTimeoutMs, headerBlockTimeoutMs, stallMs, idleMs } = this.#limits;
    this.#prefaceMs += ms;
    if (!begun) return this.#prefaceMs > prefaceTimeoutMs ? "preface" : undefined;

    this.#blockMs = inBlock && blocks === this.#block ? this.#blockMs + ms : 0;
    this.#block = inBlock ? blocks : -1;
    if (this.#blockMs > headerBlockTimeoutMs) return "headers";

    this.#stalledMs = waits && sent === this.#sent ? this.#stalledMs + ms : 0;
    this.#sent = sent;
    if (this.#stalledMs > stallMs) return "output";

    this.#silentMs = this.heard || calls > 0 ? 0 : this.#silentMs + ms;
    this.heard = false;
    return this.#silentMs > idleMs ? "idle" : undefined;
  }
}
