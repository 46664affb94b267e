/** Where time comes from. Injected, so that a simulation decides what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump either way, as clocks do. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** What happens later. Injected, so that a simulation decides when later is. */
export interface Timers {
  /** Runs `action` once, `ms` milliseconds from now at the earliest. Returns what calls it off. */
  after(ms: number, action: () => void): () => void;
}

export const systemTimers: Timers = {
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
