// Many transactions over one call: streamExportTx answers each request in turn, by one frame. Requests are sent without waiting
// for the answers to those before them, so a transaction costs no round trip and no call of its own.
//
//   ask(5) ask(6) ask(7) ───▶ 7 6 5 ───▶ the server takes the next one when it has answered ───▶ frame 5, frame 6, frame 7
//
// Whatever ends the call ends all that are asked for. That a transaction is not there (yet) does, too: it and those after it
// have no answer. A call takes EXPORTS_PER_STREAM requests; the next one begins another.

import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { EXPORTS_PER_STREAM } from "../base/limits.ts";
import { ExportedMessage, malformed } from "./exported-message.ts";
import {
  type ExportAnswer,
  type ExportOptions,
  type ExportRequest,
  exportRefusalOf,
  NOTHING_NEW,
  requestToWire,
} from "./replication.ts";
import { Silence } from "./silence.ts";

/** Begins a call of streamExportTx. */
export type BeginExports = (requests: AsyncIterable<WireRequest>, signal: AbortSignal) => AsyncIterable<Chunk>;

type WireRequest = ReturnType<typeof requestToWire>;

export type Admit = ExportOptions["admit"];

interface Asked {
  readonly admit: Admit;
  readonly resolve: (answer: ExportAnswer) => void;
  readonly reject: (error: unknown) => void;
}

export class ExportStream {
  readonly #requests = new RequestQueue();
  readonly #silence: Silence;
  /** Those without an answer, oldest first. */
  #asked: Asked[] = [];
  #count = 0;
  #isOpen = true;

  /** `signal` ends the call. */
  constructor(begin: BeginExports, signal: AbortSignal | undefined) {
    this.#silence = new Silence(signal);
    this.#read(begin(this.#requests, this.#silence.signal)).then(
      () => this.#ended(malformed("does not come: the stream has ended")),
      (error: unknown) => this.#ended(error),
    );
  }

  /** Whether it takes one more request. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Rejects as exportTx() does. */
  ask(request: ExportRequest, admit: Admit): Promise<ExportAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#asked.length === 0) this.#silence.begin();
      this.#asked.push({ admit, resolve, reject });
      this.#requests.push(requestToWire(request));
      this.#count++;
      if (this.#count < EXPORTS_PER_STREAM) return;
      this.#isOpen = false;
      this.#requests.end();
    });
  }

  async #read(chunks: AsyncIterable<Chunk>): Promise<void> {
    let message = new ExportedMessage();
    for await (const chunk of chunks) {
      this.#silence.end();
      const [asked] = this.#asked;
      if (asked === undefined) throw malformed("was not asked for");
      message.add(chunk);
      await asked.admit?.(chunk.content.length);
      if (message.isWhole) {
        asked.resolve(message.answer());
        this.#asked.shift();
        message = new ExportedMessage();
      }
      if (this.#asked.length > 0) this.#silence.begin();
    }
  }

  #ended(error: unknown): void {
    this.#isOpen = false;
    this.#requests.end();
    const reason = this.#silence.isTooLong ? this.#silence.error : error;
    const isNothing = exportRefusalOf(error) === "nothing_new";
    for (const { resolve, reject } of this.#asked.splice(0)) {
      if (isNothing) resolve(NOTHING_NEW);
      else reject(reason);
    }
    this.#silence.leave();
  }
}

/** What is asked for and not sent. Its length is bounded by whoever asks: he knows how much he can take in. */
class RequestQueue implements AsyncIterable<WireRequest> {
  #waiting: WireRequest[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;

  push(request: WireRequest): void {
    this.#waiting.push(request);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WireRequest, void, undefined> {
    for (;;) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
