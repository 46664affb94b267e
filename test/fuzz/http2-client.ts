// A client of the fuzzer on one connection: plays requests as chance wants, all at once and interleaved, on any socket. What
// it sends goes out in chunks cut at any place; what it receives it may leave unread for a while. As long as nothing is
// mutated it keeps to the rules, so that every answer has to come.

import type { Duplex } from "node:stream";
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_PAYLOAD_MAX,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PREFACE,
  PRIORITY,
  PRIORITY_GIVEN,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../src/http2/frames.ts";
import { type Field, HpackWriter } from "../support/hpack-writer.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { frame, settingsPayload, uint32 } from "./http2-frames.ts";
import { pattern, RESET_CODE, type Style } from "./http2-handler.ts";
import { type Answer, Judge } from "./http2-judge.ts";
import { type Mutator, spoiledPreface } from "./http2-mutations.ts";

/** One request, and how it is to be answered. */
export interface Request {
  readonly style: Style;
  /** Bytes of a reply that is not the request's body. */
  readonly size: number;
  /** Turns that the handler waits. */
  readonly late: number;
  readonly body: Uint8Array;
  readonly trailers: boolean;
  readonly statesLength: boolean;
  /** The client gives up after so many frames of the body. */
  readonly givesUpAfter: number | undefined;
  readonly fields: readonly Field[];
}

interface Call {
  readonly id: number;
  readonly request: Request;
  sentBytes: number;
  dataFrames: number;
  /** The client has sent its last frame on this stream. */
  done: boolean;
  givenUp: boolean;
}

/** How a client treats the connection, for a whole conversation. */
export interface Manners {
  /** The window that it lets the server's streams have at first. */
  readonly initialWindow: number;
  /** By how much it opens the window of the connection at first; 0: not at all. */
  readonly connectionGrant: number;
  /** Chance that a window that was used is opened again in a step. */
  readonly grants: number;
  /** Chance that it stops reading in a step, and for how many turns at most. */
  readonly pauses: number;
  readonly pauseTurns: number;
  /** Chance of a control frame in a step. */
  readonly controls: number;
  /** Chance that what was written goes out in a step. */
  readonly flushes: number;
  /** Streams open at once, at most. */
  readonly streams: number;
}

const TURNS_WITHOUT_PROGRESS = 20_000;

export class Client {
  readonly judge: Judge = new Judge();
  readonly closed: Promise<void>;
  isClosed = false;

  readonly #socket: Duplex;
  readonly #random: SeededRandom;
  readonly #manners: Manners;
  readonly #mutator: Mutator | undefined;
  readonly #writer: HpackWriter;
  readonly #calls: Call[] = [];
  #nextId = 1;
  #pending: Uint8Array[] = [];
  #controlFrames = 0;
  #settingsFrames = 0;
  #pausedTurns = 0;

  constructor(socket: Duplex, random: SeededRandom, manners: Manners, mutator?: Mutator) {
    this.#socket = socket;
    this.#random = random;
    this.#manners = manners;
    this.#mutator = mutator;
    this.#writer = new HpackWriter((bound) => random.below(bound));
    socket.on("data", (chunk: Buffer) => this.judge.received(chunk));
    socket.on("error", () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.isClosed = true;
        resolve();
      });
    });
    const spoiled = mutator !== undefined && random.chance(0.02);
    this.#pending.push(spoiled ? spoiledPreface(PREFACE, random) : PREFACE);
    this.judge.sent(PREFACE);
    this.#send(SETTINGS, 0, 0, settingsPayload(this.#settings(manners.initialWindow)));
    if (manners.connectionGrant > 0) this.#send(WINDOW_UPDATE, 0, 0, uint32(manners.connectionGrant));
  }

  /** The server will take no more requests on this connection. */
  get isOver(): boolean {
    return this.isClosed || this.judge.goaway !== undefined;
  }

  /** Sends requests, and whatever else comes to mind. A mutated conversation ends when everything is sent. */
  async play(requests: readonly Request[]): Promise<void> {
    const waiting = [...requests];
    let idleTurns = 0;
    while (!this.isClosed && idleTurns < TURNS_WITHOUT_PROGRESS) {
      const received = this.judge.framesReceived;
      const acted = this.#step(waiting);
      if (this.#random.chance(this.#manners.flushes)) this.#flush();
      this.#maybePause();
      if (!acted) {
        this.#grantAll();
        this.#flush();
        if (this.#mutator !== undefined) return;
        if (this.#unfinished().length === 0 && (waiting.length === 0 || this.isOver)) return;
      }
      if (!acted || this.#random.chance(0.3)) await turn();
      idleTurns = acted || received !== this.judge.framesReceived ? 0 : idleTurns + 1;
    }
  }

  /** What was asked, and what was answered, is not what it should be. */
  complaints(): string[] {
    return this.#calls.flatMap(({ id, request, givenUp }) => {
      const isRefused = this.judge.goaway !== undefined && id > this.judge.goaway.lastId;
      if (givenUp || isRefused) return [];
      const wrong = complaint(request, this.judge.answers.get(id) as Answer);
      return wrong === undefined ? [] : [`stream ${id} (${request.style}, ${request.body.length} bytes): ${wrong}`];
    });
  }

  /** How many calls were made since the last {@link forget}. */
  get calls(): number {
    return this.#calls.length;
  }

  /** Forgets calls that have been judged. */
  forget(): void {
    for (const { id } of this.#calls.splice(0)) this.judge.answers.get(id)?.body.splice(0);
  }

  /** Says good-bye, as good clients do, and closes. */
  end(): void {
    this.#socket.resume();
    if (this.#random.chance(0.5)) this.#send(GOAWAY, 0, 0, new Uint8Array(8));
    this.#flush();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** One thing that can be done now. Returns false when there is nothing but to wait. */
  #step(waiting: Request[]): boolean {
    const { judge } = this;
    for (; judge.unacknowledged > 0; judge.unacknowledged--) this.#send(SETTINGS, ACK, 0, new Uint8Array(0));
    for (const ping of judge.pings.splice(0)) this.#send(PING, ACK, 0, ping);
    if (this.#random.chance(this.#manners.controls)) this.#control();
    if (this.#random.chance(this.#manners.grants)) this.#grantAll();
    const sendable = this.#calls.filter((call) => this.#canSend(call));
    const mayOpen = waiting.length > 0 && !this.isOver && this.#unfinished().length < this.#manners.streams;
    if (mayOpen && (sendable.length === 0 || this.#random.chance(0.3))) {
      this.#open(waiting.shift() as Request);
      return true;
    }
    const call = sendable[this.#random.below(sendable.length)];
    if (call === undefined) return false;
    this.#continue(call);
    return true;
  }

  /** Calls of which something is missing, on either side. */
  #unfinished(): Call[] {
    return this.#calls.filter((call) => {
      const answer = this.judge.answers.get(call.id);
      if (answer?.reset !== undefined) return false;
      const isRefused = this.judge.goaway !== undefined && call.id > this.judge.goaway.lastId;
      return !isRefused && (!call.done || !(answer?.ended === true || call.givenUp));
    });
  }

  #canSend(call: Call): boolean {
    if (call.done) return false;
    if (this.#mutator !== undefined) return true;
    if (this.judge.answers.get(call.id)?.reset !== undefined) return false;
    const isWindowNeeded = call.sentBytes < call.request.body.length;
    // Padding needs a little more.
    return !isWindowNeeded || Math.min(this.judge.clientWindow(0), this.judge.clientWindow(call.id)) > 300;
  }

  #open(request: Request): void {
    const call: Call = { id: this.#nextId, request, sentBytes: 0, dataFrames: 0, done: false, givenUp: false };
    this.#nextId += 2;
    this.#calls.push(call);
    const endsHere = request.body.length === 0 && !request.trailers && request.givesUpAfter === undefined;
    call.done = endsHere;
    this.#headers(call.id, request.fields, endsHere);
  }

  #continue(call: Call): void {
    const { request, id } = call;
    if (request.givesUpAfter !== undefined && call.dataFrames >= request.givesUpAfter) {
      call.done = true;
      call.givenUp = true;
      this.#send(RST_STREAM, 0, id, uint32(RESET_CODE));
      return;
    }
    const left = request.body.length - call.sentBytes;
    if (left === 0 && request.trailers) {
      call.done = true;
      this.#headers(id, [["x-trailer", "yes"]], true);
      return;
    }
    const window = Math.min(this.judge.clientWindow(0), this.judge.clientWindow(id));
    const most = Math.min(left, FRAME_PAYLOAD_MAX - 300, this.#mutator === undefined ? window - 300 : left);
    // Now and then an empty frame; never to no end.
    const length =
      left === 0 ? 0 : this.#random.chance(0.05) ? 0 : this.#random.chance(0.5) ? most : 1 + this.#random.below(most);
    const data = request.body.subarray(call.sentBytes, call.sentBytes + length);
    call.sentBytes += length;
    call.dataFrames++;
    const isLast = call.sentBytes === request.body.length && !request.trailers && request.givesUpAfter === undefined;
    // The end may be a frame of its own.
    call.done = isLast && (length === 0 || this.#random.chance(0.7));
    const [flag, payload] = this.#padded(data);
    this.#send(DATA, flag | (call.done ? END_STREAM : 0), id, payload);
  }

  /** A header block, in one frame or more. */
  #headers(id: number, fields: readonly Field[], endStream: boolean): void {
    const block = this.#writer.block(fields);
    const pieces: Uint8Array[] = [];
    let at = 0;
    do {
      const most = FRAME_PAYLOAD_MAX - 300;
      const isCut = pieces.length < 4 && this.#random.chance(0.1);
      const end = Math.min(block.length, at + (isCut ? this.#random.below(most) : most));
      pieces.push(block.subarray(at, end));
      at = end;
    } while (at < block.length);
    pieces.forEach((piece, i) => {
      const last = i === pieces.length - 1 ? END_HEADERS : 0;
      if (i > 0) {
        this.#send(CONTINUATION, last, id, piece);
        return;
      }
      const isPrioritised = this.#random.chance(0.1);
      const priority = isPrioritised ? [...uint32(0), this.#random.below(256)] : [];
      const [flag, payload] = this.#padded(Uint8Array.from([...priority, ...piece]));
      const flags = flag | last | (isPrioritised ? PRIORITY_GIVEN : 0) | (endStream ? END_STREAM : 0);
      this.#send(HEADERS, flags, id, payload);
    });
  }

  #padded(data: Uint8Array): [flag: number, payload: Uint8Array] {
    if (!this.#random.chance(0.1)) return [0, data];
    const padding = this.#random.below(256);
    const payload = new Uint8Array(1 + data.length + padding);
    payload[0] = padding;
    payload.set(data, 1);
    return [PADDED, payload];
  }

  /** A frame that belongs to no request. Few enough that no limit is reached. */
  #control(): void {
    if (this.#controlFrames++ > 200) return;
    const random = this.#random;
    const kind = random.below(5);
    const id = 1 + 2 * random.below(60);
    if (kind === 0) this.#send(PING, 0, 0, random.bytes(8));
    else if (kind === 1) this.#send(PRIORITY, 0, id, Uint8Array.from([0, 0, 0, 0, random.below(256)]));
    else if (kind === 2)
      this.#send(0x20 + random.below(200), random.below(256), random.below(2) * id, random.bytes(random.below(50)));
    else if (kind === 3) this.#send(WINDOW_UPDATE, 0, 0, uint32(1 + random.below(100_000)));
    else if (this.#settingsFrames++ < 8) {
      const window = random.chance(0.5) ? random.below(200_000) : undefined;
      this.#send(SETTINGS, 0, 0, settingsPayload(this.#settings(window)));
    }
  }

  #settings(initialWindow: number | undefined): [id: number, value: number][] {
    const random = this.#random;
    const rows: [number, number][] = initialWindow === undefined ? [] : [[4, initialWindow]];
    if (random.chance(0.3)) rows.push([1, random.below(10_000)]);
    if (random.chance(0.3)) rows.push([2, 0]);
    if (random.chance(0.3)) rows.push([3, random.below(100)]);
    if (random.chance(0.3)) rows.push([5, 16_384 + random.below(100_000)]);
    if (random.chance(0.3)) rows.push([0x10 + random.below(1000), random.below(2 ** 31)]);
    return rows;
  }

  /** Opens the windows that the server has used up, by as much as chance wants. */
  #grantAll(): void {
    const ids = this.#unfinished().map(({ id }) => id);
    for (const id of ids.length > 0 ? [0, ...ids] : []) {
      if (this.judge.serverWindow(id) > 2000) continue;
      const isNeeded = id === 0 || this.judge.answers.get(id)?.ended === false;
      if (isNeeded) this.#send(WINDOW_UPDATE, 0, id, uint32(1 + this.#random.below(60_000)));
    }
  }

  #send(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const bytes = frame(type, flags, streamId, payload);
    for (const piece of this.#mutator === undefined ? [bytes] : this.#mutator.apply(bytes)) {
      this.judge.sent(piece);
      this.#pending.push(piece);
    }
  }

  /** Writes what was sent, in chunks that have nothing to do with frames; or, now and then, not all of it. */
  #flush(): void {
    if (this.#pending.length === 0 || !this.#socket.writable) return;
    const bytes = Buffer.concat(this.#pending);
    let at = 0;
    while (at < bytes.length) {
      const length = this.#random.chance(0.7) ? bytes.length : 1 + this.#random.below(100);
      this.#socket.write(bytes.subarray(at, at + length));
      at += length;
    }
    this.#pending = [];
  }

  #maybePause(): void {
    if (this.#pausedTurns > 0) {
      if (--this.#pausedTurns === 0) this.#socket.resume();
    } else if (this.#random.chance(this.#manners.pauses)) {
      this.#pausedTurns = 1 + this.#random.below(this.#manners.pauseTurns);
      this.#socket.pause();
    }
  }
}

/** What is wrong with an answer, if anything. */
function complaint({ style, size, body }: Request, answer: Answer): string | undefined {
  const { head, reset, ended, trailers } = answer;
  const received = Buffer.concat(answer.body);
  if (style === "reset") return reset === RESET_CODE ? undefined : "not reset";
  if (style === "half") {
    if (reset !== RESET_CODE) return "not reset";
    return pattern(size)
      .subarray(0, received.length)
      .every((octet, i) => octet === received[i])
      ? undefined
      : "another body";
  }
  if (head === undefined) return reset === undefined ? "no answer" : `reset with ${reset}`;
  if (!ended) return `an answer that breaks off after ${received.length} bytes (reset: ${reset})`;
  if (reset !== undefined && reset !== 0) return `reset with ${reset} after its end`;
  if (head.get(":status") !== "200") return `status ${head.get(":status")}`;
  const expected = style === "head" ? new Uint8Array(0) : style === "early" || style === "big" ? pattern(size) : body;
  if (!received.equals(expected)) return `another body (${received.length} bytes instead of ${expected.length})`;
  const hasTrailers = style === "whole" || style === "early" || style === "big";
  if (hasTrailers && trailers?.get("grpc-status") !== "0") return "no trailers";
  return undefined;
}

/** Lets everything else go on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
