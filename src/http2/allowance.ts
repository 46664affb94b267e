// What a peer may do for free. A connection that does more of it than anyone needs is ended with ENHANCE_YOUR_CALM; a client
// that works never comes near. PING is not counted: honest clients send thousands.

import { Http2Error } from "./http2-error.ts";
import type { Http2Limits } from "./http2-limits.ts";

/** So much at once, and so much more each second. */
class Allowance {
  readonly #what: string;
  readonly #max: number;
  readonly #perSecond: number;
  #left: number;

  constructor(what: string, max: number, perSecond: number) {
    this.#what = what;
    this.#max = max;
    this.#perSecond = perSecond;
    this.#left = max;
  }

  /** @throws Http2Error when nothing is left. */
  spend(): void {
    if (--this.#left < 0) throw new Http2Error("ENHANCE_YOUR_CALM", `too many ${this.#what}`);
  }

  earn(n: number): void {
    this.#left = Math.min(this.#max, this.#left + n);
  }

  passed(ms: number): void {
    if (this.#left < this.#max) this.earn((this.#perSecond * ms) / 1000);
  }
}

/** The allowances of one connection. */
export class Allowances {
  /** Calls given up before they were answered, or refused for breaking a rule ("rapid reset"). */
  readonly resets: Allowance;
  readonly settings: Allowance;
  /** Frames that bring nothing forward. Progress earns more: whoever receives much has to send WINDOW_UPDATE often. */
  readonly idleFrames: Allowance;

  constructor(limits: Http2Limits) {
    this.resets = new Allowance("calls given up", limits.resetsMax, limits.resetsPerSecond);
    this.settings = new Allowance("SETTINGS frames", limits.settingsMax, limits.settingsPerSecond);
    this.idleFrames = new Allowance("frames without progress", limits.idleFramesMax, limits.idleFramesPerSecond);
  }

  passed(ms: number): void {
    this.resets.passed(ms);
    this.settings.passed(ms);
    this.idleFrames.passed(ms);
  }
}
