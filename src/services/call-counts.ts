// What calls are counted by: plain numbers of each method and each client, so that a call costs some additions and looks
// nothing up by a label. They become metrics when somebody asks (call-series.ts).

import { CLIENT_SERIES_MAX } from "../base/limits.ts";
import { OVERFLOW } from "../base/meter-store.ts";
import { Histogram } from "../base/metrics.ts";

const CODES = 17;

/** Calls of one method. */
export class CallCounts {
  started = 0;
  /** Answered, by gRPC code. */
  readonly answered: Float64Array = new Float64Array(CODES);
  /** Request messages. */
  received = 0;
  /** Answer messages of a method that streams them. */
  sent = 0;
  readonly seconds: Histogram = new Histogram();

  /** `code`: 0 for success. */
  end(code: number, durationMs: number): void {
    this.answered[code] = (this.answered[code] as number) + 1;
    this.seconds.observe(durationMs / 1000);
  }
}

export interface ClientCalls {
  calls: number;
  lastMs: number;
}

/** Calls of each address; those beyond the limit are counted together. */
export class ClientCounts {
  readonly byAddress: Map<string, ClientCalls> = new Map();
  readonly #addressesMax: number;

  constructor(addressesMax: number = CLIENT_SERIES_MAX) {
    this.#addressesMax = addressesMax;
  }

  count(address: string, nowMs: number): void {
    const known = this.byAddress.get(address) ?? this.#add(address);
    known.calls++;
    known.lastMs = nowMs;
  }

  #add(address: string): ClientCalls {
    const name = this.byAddress.size < this.#addressesMax ? address : OVERFLOW;
    const added = this.byAddress.get(name) ?? { calls: 0, lastMs: 0 };
    this.byAddress.set(name, added);
    return added;
  }
}
