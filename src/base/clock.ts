/** Where time comes from. Injected, so that a simulation decides what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump either way, as clocks do. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
