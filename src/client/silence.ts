// How long a server may say nothing in the middle of a call.

import { REPLICATION_SILENCE_MS } from "../base/limits.ts";
import { ClientError } from "./errors.ts";

/** Ends a call when nothing is heard for too long, however long the whole of it may take. */
export class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  isTooLong = false;

  /** Aborts together with this one, or when nothing was heard. */
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal | undefined) {
    const own = this.#controller.signal;
    this.signal = outer === undefined ? own : AbortSignal.any([outer, own]);
    this.begin();
  }

  begin(): void {
    this.end();
    this.#timer = setTimeout(() => {
      this.isTooLong = true;
      this.#controller.abort();
    }, REPLICATION_SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** What has happened then. */
  get error(): ClientError {
    return new ClientError("server_silent", "the server has not said anything for too long", {});
  }

  /** Ends the call: nobody listens any more. */
  leave(): void {
    this.end();
    this.#controller.abort();
  }
}
