// What a server may send on one connection, judged frame by frame: sizes, flags, the states of streams, both flow-control
// windows, header blocks, answers to SETTINGS and PING. The judge knows what was sent to the server because it sees those
// bytes too, cut into frames as the server cuts them: what a mutated conversation granted is counted like any other.
//
// Where the server cannot be blamed for not knowing yet, it is not: a window that was made smaller counts from the server's
// acknowledgement on, a stream that the client gave up may still be answered.

import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_PAYLOAD_MAX,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  RST_STREAM,
  readUint31,
  SETTINGS,
  WINDOW_DEFAULT,
  WINDOW_MAX,
  WINDOW_UPDATE,
} from "../../src/http2/frames.ts";
import type { HeaderFields } from "../../src/http2/header-fields.ts";
import { HpackDecoder } from "../../src/http2/hpack-decoder.ts";
import { type Frame, FrameSplitter } from "./http2-frames.ts";

const INITIAL_WINDOW_SIZE = 4;
/** Flags that a server may set, by type of frame. */
const FLAGS: ReadonlyMap<number, number> = new Map([
  [DATA, END_STREAM],
  [HEADERS, END_STREAM | END_HEADERS],
  [RST_STREAM, 0],
  [SETTINGS, ACK],
  [PING, ACK],
  [GOAWAY, 0],
  [WINDOW_UPDATE, 0],
  [CONTINUATION, END_HEADERS],
]);

/** What came back on a stream. */
export class Answer {
  head: HeaderFields | undefined;
  readonly body: Uint8Array[] = [];
  bodyBytes = 0;
  trailers: HeaderFields | undefined;
  ended = false;
  /** The code of RST_STREAM, from the server. */
  reset: number | undefined;
}

/** Both directions of one stream, in bytes. */
class Flow {
  /** What WINDOW_UPDATEs granted, to the server and to the client. */
  grantedToServer = 0;
  grantedToClient = 0;
  receivedBytes = 0;
  sentBytes = 0;
}

export class Judge {
  /** What the server did wrong. */
  readonly findings: string[] = [];
  /** By stream; there is one as soon as the client has sent HEADERS. */
  readonly answers: Map<number, Answer> = new Map();
  /** SETTINGS of the server that the client has not acknowledged. */
  unacknowledged = 0;
  /** PINGs of the server that the client has not answered. */
  readonly pings: Uint8Array[] = [];
  goaway: { lastId: number; code: number } | undefined;
  framesSent = 0;
  framesReceived = 0;

  readonly #sent = new FrameSplitter(PREFACE.length);
  readonly #received = new FrameSplitter();
  readonly #decoder = new HpackDecoder(WINDOW_MAX);
  readonly #flows = new Map<number, Flow>();
  readonly #pingsSent: string[] = [];
  /** The initial window that SETTINGS of the client set, and of those not acknowledged, in order (undefined: not set). */
  #initialToServer: number = WINDOW_DEFAULT;
  readonly #initialPending: (number | undefined)[] = [];
  #initialToClient: number = WINDOW_DEFAULT;
  #block: { streamId: number; endStream: boolean; parts: Uint8Array[] } | undefined;

  /** Bytes that the client may still send on a stream, or on the connection (0). */
  clientWindow(streamId: number): number {
    const { grantedToClient, sentBytes } = this.#flow(streamId);
    return (streamId === 0 ? WINDOW_DEFAULT : this.#initialToClient) + grantedToClient - sentBytes;
  }

  /** Bytes that the server may still send on a stream, or on the connection (0), at most. */
  serverWindow(streamId: number): number {
    const { grantedToServer, receivedBytes } = this.#flow(streamId);
    const pending = this.#initialPending.filter((window) => window !== undefined);
    const initial = streamId === 0 ? WINDOW_DEFAULT : Math.max(this.#initialToServer, ...pending);
    return initial + grantedToServer - receivedBytes;
  }

  /** Bytes that are on their way to the server. */
  sent(bytes: Uint8Array): void {
    for (const frame of this.#sent.push(bytes)) this.#sentFrame(frame);
  }

  #sentFrame({ type, flags, streamId, payload }: Frame): void {
    this.framesSent++;
    if (type === HEADERS && !this.answers.has(streamId)) this.answers.set(streamId, new Answer());
    if (type === DATA) {
      this.#flow(streamId).sentBytes += payload.length;
      this.#flow(0).sentBytes += payload.length;
    }
    if (type === WINDOW_UPDATE && payload.length === 4) {
      this.#flow(streamId).grantedToServer += readUint31(payload, 0);
    }
    if (type === PING && payload.length === 8 && (flags & ACK) === 0) {
      this.#pingsSent.push(Buffer.from(payload).toString("hex"));
    }
    if (type === SETTINGS && (flags & ACK) === 0) this.#initialPending.push(initialWindowOf(payload));
  }

  /** Bytes that the server sent. */
  received(bytes: Uint8Array): void {
    for (const frame of this.#received.push(bytes)) {
      if (this.framesReceived++ === 0 && (frame.type !== SETTINGS || frame.flags !== 0)) {
        this.#blame("the first frame is not SETTINGS");
      }
      this.#receivedFrame(frame);
    }
  }

  #receivedFrame(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    const known = FLAGS.get(type);
    if (known === undefined) {
      this.#blame(`a frame of type ${type}`);
      return;
    }
    if ((flags & ~known) !== 0) this.#blame(`a frame of type ${type} with flags ${flags}`);
    if (payload.length > FRAME_PAYLOAD_MAX) this.#blame(`a frame of ${payload.length} bytes`);
    if (this.goaway !== undefined && this.goaway.code !== 0)
      this.#blame(`a frame of type ${type} after the last GOAWAY`);
    if ((this.#block !== undefined) !== (type === CONTINUATION)) this.#blame(`a header block cut by type ${type}`);
    const ofConnection = type === SETTINGS || type === PING || type === GOAWAY;
    if (type !== WINDOW_UPDATE && ofConnection !== (streamId === 0)) {
      this.#blame(`type ${type} on stream ${streamId}`);
      return;
    }
    if (type === SETTINGS) this.#settings(flags, payload);
    else if (type === PING) this.#ping(flags, payload);
    else if (type === GOAWAY) this.#goaway(payload);
    else if (type === WINDOW_UPDATE && streamId === 0) this.#grant(0, payload);
    else this.#onStream(frame);
  }

  #onStream({ type, flags, streamId, payload }: Frame): void {
    const answer = this.answers.get(streamId);
    if (answer === undefined) {
      // Opening a stream closes those below that were never opened; who uses one may be told.
      const isSkipped = type === RST_STREAM && streamId % 2 === 1 && streamId < Math.max(0, ...this.answers.keys());
      if (!isSkipped) this.#blame(`type ${type} on stream ${streamId}, which was never opened`);
      return;
    }
    if (answer.reset !== undefined) this.#blame(`type ${type} on stream ${streamId} after RST_STREAM`);
    if (type === WINDOW_UPDATE) this.#grant(streamId, payload);
    else if (type === RST_STREAM) {
      if (payload.length !== 4) this.#blame("RST_STREAM of the wrong length");
      answer.reset = Buffer.from(payload).readUInt32BE(0);
    } else if (type === DATA) this.#data(streamId, answer, flags, payload);
    else {
      this.#block ??= { streamId, endStream: (flags & END_STREAM) !== 0, parts: [] };
      if (this.#block.streamId !== streamId) this.#blame("CONTINUATION on another stream");
      this.#block.parts.push(payload);
      if ((flags & END_HEADERS) !== 0) this.#headers(answer);
    }
  }

  #data(streamId: number, answer: Answer, flags: number, payload: Uint8Array): void {
    if (answer.head === undefined) this.#blame(`DATA on stream ${streamId} before HEADERS`);
    if (answer.ended) this.#blame(`DATA on stream ${streamId} after its end`);
    this.#flow(streamId).receivedBytes += payload.length;
    this.#flow(0).receivedBytes += payload.length;
    if (payload.length > 0 && this.serverWindow(streamId) < 0) this.#blame(`the window of stream ${streamId} overrun`);
    if (payload.length > 0 && this.serverWindow(0) < 0) this.#blame("the window of the connection overrun");
    answer.body.push(payload);
    answer.bodyBytes += payload.length;
    if ((flags & END_STREAM) !== 0) answer.ended = true;
  }

  #headers(answer: Answer): void {
    const { streamId, endStream, parts } = this.#block as { streamId: number; endStream: boolean; parts: Uint8Array[] };
    this.#block = undefined;
    const fields = this.#decode(Buffer.concat(parts));
    if (fields === undefined) return;
    if (answer.ended) this.#blame(`HEADERS on stream ${streamId} after its end`);
    if (answer.head === undefined) {
      answer.head = fields;
      if (!/^[2-5]\d\d$/.test(fields.get(":status") ?? "")) this.#blame(`no :status on stream ${streamId}`);
    } else {
      answer.trailers = fields;
      if (!endStream) this.#blame(`trailers that do not end stream ${streamId}`);
      if (fields.invalidTrailers() !== undefined) this.#blame(`trailers with ${fields.invalidTrailers()}`);
    }
    if (endStream) answer.ended = true;
  }

  #decode(block: Uint8Array): HeaderFields | undefined {
    try {
      return this.#decoder.decode(block);
    } catch (error) {
      this.#blame(`a header block that cannot be decoded: ${String(error)}`);
      return undefined;
    }
  }

  #settings(flags: number, payload: Uint8Array): void {
    if ((flags & ACK) === 0) {
      if (payload.length % 6 !== 0) this.#blame("SETTINGS of the wrong length");
      this.unacknowledged++;
      this.#initialToClient = initialWindowOf(payload) ?? this.#initialToClient;
      return;
    }
    if (payload.length !== 0) this.#blame("an acknowledgement of SETTINGS that is not empty");
    if (this.#initialPending.length === 0) this.#blame("an acknowledgement of SETTINGS that were not sent");
    this.#initialToServer = this.#initialPending.shift() ?? this.#initialToServer;
  }

  #ping(flags: number, payload: Uint8Array): void {
    if (payload.length !== 8) this.#blame("PING of the wrong length");
    if ((flags & ACK) === 0) this.pings.push(payload);
    else if (this.#pingsSent.shift() !== Buffer.from(payload).toString("hex")) this.#blame("a wrong answer to PING");
  }

  #goaway(payload: Uint8Array): void {
    if (payload.length < 8) {
      this.#blame("GOAWAY of the wrong length");
      return;
    }
    const lastId = readUint31(payload, 0);
    if (this.goaway !== undefined && lastId > this.goaway.lastId)
      this.#blame("GOAWAY with a higher stream than before");
    this.goaway = { lastId, code: Buffer.from(payload).readUInt32BE(4) };
  }

  /** The server lets the client send more. It may give back what it received; the connection it may open wider at first. */
  #grant(streamId: number, payload: Uint8Array): void {
    const increment = payload.length === 4 ? readUint31(payload, 0) : 0;
    if (increment === 0) this.#blame(`a WINDOW_UPDATE of 0, or of the wrong length, on stream ${streamId}`);
    const flow = this.#flow(streamId);
    flow.grantedToClient += increment;
    if (this.clientWindow(streamId) > WINDOW_MAX) this.#blame(`a window above the limit on stream ${streamId}`);
    if (streamId !== 0 && flow.grantedToClient > flow.sentBytes) {
      this.#blame(`more given back than was sent on stream ${streamId}`);
    }
  }

  #flow(streamId: number): Flow {
    let flow = this.#flows.get(streamId);
    if (flow === undefined) {
      flow = new Flow();
      this.#flows.set(streamId, flow);
    }
    return flow;
  }

  #blame(what: string): void {
    this.findings.push(what);
  }
}

/** The last INITIAL_WINDOW_SIZE in the payload of SETTINGS. */
function initialWindowOf(payload: Uint8Array): number | undefined {
  const bytes = Buffer.from(payload);
  let window: number | undefined;
  for (let at = 0; at + 6 <= bytes.length; at += 6) {
    if (bytes.readUInt16BE(at) === INITIAL_WINDOW_SIZE) window = bytes.readUInt32BE(at + 2);
  }
  return window;
}
