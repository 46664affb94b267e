// What the tests of the auth room share: time that a test moves, randomness that repeats, a cost that no test waits for.
import type { ScryptCost } from "../../../src/auth/password.ts";
import type { Clock } from "../../../src/base/clock.ts";
import type { Random } from "../../../src/base/random.ts";

export const CHEAP: ScryptCost = { N: 16, r: 1, p: 1 };

export class TestClock implements Clock {
  ms = 1_700_000_000_000;
  nowMs(): number {
    return this.ms;
  }
}

/** Every call gives other bytes, the same in every run. */
export function countingRandom(): Random {
  let next = 0;
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint32(0, ++next);
      return bytes;
    },
  };
}

/** The code of the error that `run` throws or rejects with. */
export async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "no error";
}
