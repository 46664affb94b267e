// gRPC over HTTP/2 for load: a socket, ready-made header blocks, frames written into one buffer per turn. It understands just
// as much of HTTP/2 as it takes to be an honest client: flow control both ways, settings, pings. Header blocks of answers are
// not decoded: a call has succeeded when exactly one message came before the end of its stream, which no refusal carries.
//
//   HEADERS ─ DATA (00, length, message) ─▶            every lane of the load has one stream under way
//   ◀─ HEADERS ─ DATA … ─ HEADERS (END_STREAM)         then `answered`, which sends the next one; all that one read
//                                                      brought about leaves in one write

import { connect, type Socket } from "node:net";
import { type Answer, type Connection, type Door, hostAndPort } from "./connection.ts";
import { type RequestHead, requestHead } from "./request-head.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const HEADER_TABLE_SIZE = 1;
const ENABLE_PUSH = 2;
const INITIAL_WINDOW_SIZE = 4;

const FRAME_HEAD_BYTES = 9;
/** Flag and length in front of a gRPC message. */
const PREFIX_BYTES = 5;
const FRAME_BYTES_MAX = 16_384;
const STANDARD_WINDOW = 65_535;
const TABLE_BYTES = 4096;
/** What the server may send before it hears from us: per stream, and on the connection before half of it is given back. */
const STREAM_WINDOW: number = 16 * 1024 * 1024;
const CONNECTION_WINDOW: number = 64 * 1024 * 1024;
const SLAB_BYTES: number = 256 * 1024;

class Call implements Answer {
  readonly id: number;
  readonly answered: (answer: Answer) => void;
  readonly #parts: Buffer[] = [];
  /** What the server still takes of the request. */
  window: number;
  #bytes = 0;

  constructor(id: number, window: number, answered: (answer: Answer) => void) {
    this.id = id;
    this.window = window;
    this.answered = answered;
  }

  add(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** Whether exactly one message has come. */
  get isWhole(): boolean {
    if (this.#bytes < PREFIX_BYTES) return false;
    const [first] = this.#parts as [Buffer];
    const head = first.length < PREFIX_BYTES ? Buffer.concat(this.#parts) : first;
    return head[0] === 0 && head.readUInt32BE(1) === this.#bytes - PREFIX_BYTES;
  }

  message(): Uint8Array {
    const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    return all.subarray(PREFIX_BYTES);
  }
}

/** A request of which a part waits for the server's window. */
interface Unsent {
  readonly call: Call;
  body: Buffer;
}

export class GrpcConnection implements Connection {
  readonly failed: Promise<never>;
  readonly #head: RequestHead;
  readonly #socket: Socket;
  readonly #calls = new Map<number, Call>();
  readonly #unsent: Unsent[] = [];
  readonly #fail: (error: Error) => void;
  #rest: Buffer | undefined;
  #slab: Buffer = Buffer.allocUnsafe(SLAB_BYTES);
  #from = 0;
  #to = 0;
  #flushing = false;
  #nextId = 1;
  #window = STANDARD_WINDOW;
  #streamWindow = STANDARD_WINDOW;
  #received = 0;
  #closed = false;
  #greeted: () => void = () => {};

  private constructor(door: Door, socket: Socket) {
    this.#head = requestHead(door);
    this.#socket = socket;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = (error) => {
      reject(error);
      socket.destroy();
    };
  }

  /** Resolves when the server has sent its settings. */
  static async open(door: Door): Promise<GrpcConnection> {
    const socket = connect({ ...hostAndPort(door.address), noDelay: true });
    const connection = new GrpcConnection(door, socket);
    const greeted = new Promise<void>((resolve) => {
      connection.#greeted = resolve;
    });
    socket.on("data", (chunk) => connection.#read(chunk));
    socket.on("error", (error) => connection.#fail(error));
    socket.on("close", () => connection.#closed || connection.#fail(new Error("the server closed the connection")));
    connection.#greet();
    await Promise.race([greeted, connection.failed]);
    return connection;
  }

  send(message: Uint8Array, answered: (answer: Answer) => void): void {
    const call = new Call(this.#nextId, this.#streamWindow, answered);
    const block = call.id === 1 ? this.#head.first : this.#head.later;
    this.#nextId += 2;
    this.#calls.set(call.id, call);
    this.#frame(HEADERS, END_HEADERS, call.id, block);
    const length = PREFIX_BYTES + message.length;
    if (this.#unsent.length === 0 && length <= Math.min(FRAME_BYTES_MAX, this.#window, call.window)) {
      this.#frameHead(DATA, END_STREAM, call.id, length);
      this.#slab[this.#to] = 0;
      this.#slab.writeUInt32BE(message.length, this.#to + 1);
      this.#slab.set(message, this.#to + PREFIX_BYTES);
      this.#to += length;
      this.#window -= length;
    } else {
      const body = Buffer.allocUnsafe(length);
      body[0] = 0;
      body.writeUInt32BE(message.length, 1);
      body.set(message, PREFIX_BYTES);
      this.#unsent.push({ call, body });
      this.#sendMore();
    }
    this.#flushSoon();
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #greet(): void {
    this.#socket.write(PREFACE);
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(ENABLE_PUSH, 0);
    settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 6);
    settings.writeUInt32BE(STREAM_WINDOW, 8);
    this.#frame(SETTINGS, 0, 0, settings);
    this.#giveBack(CONNECTION_WINDOW - STANDARD_WINDOW);
    this.#flush();
  }

  /** Sends what the windows allow of the requests that wait for them, in order. */
  #sendMore(): void {
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      const { call, body } = first;
      const length = Math.min(body.length, FRAME_BYTES_MAX, this.#window, call.window);
      if (length <= 0) return;
      const isLast = length === body.length;
      this.#frame(DATA, isLast ? END_STREAM : 0, call.id, body.subarray(0, length));
      this.#window -= length;
      call.window -= length;
      first.body = body.subarray(length);
      if (isLast) this.#unsent.shift();
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      this.#take(bytes[at + 3] as number, bytes[at + 4] as number, id, bytes.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
    if (this.#received > CONNECTION_WINDOW / 2) {
      this.#giveBack(this.#received);
      this.#received = 0;
    }
    this.#flush();
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case DATA:
        this.#received += payload.length;
        if ((flags & PADDED) !== 0) this.#fail(new Error("a padded frame: not expected of a server"));
        this.#calls.get(id)?.add(payload);
        if ((flags & END_STREAM) !== 0) this.#end(id, payload);
        break;
      case HEADERS:
        if ((flags & END_HEADERS) === 0) this.#fail(new Error("headers in several frames: not expected here"));
        if ((flags & END_STREAM) !== 0) this.#end(id, payload);
        break;
      case SETTINGS:
        if ((flags & ACK) === 0) this.#settings(payload);
        break;
      case PING:
        if ((flags & ACK) === 0) this.#frame(PING, ACK, 0, payload);
        break;
      case WINDOW_UPDATE:
        this.#mayMore(id, payload.readUInt32BE(0));
        break;
      case RST_STREAM:
        // After a whole answer it says that the rest of the request is not wanted.
        if (this.#calls.has(id)) this.#fail(new Error(`the server reset a stream: error ${payload.readUInt32BE(0)}`));
        break;
      case GOAWAY:
        this.#fail(new Error(`the server says good-bye: error ${payload.readUInt32BE(4)}, ${payload.subarray(8)}`));
        break;
    }
  }

  #mayMore(id: number, bytes: number): void {
    const call = this.#calls.get(id);
    if (id === 0) this.#window += bytes;
    else if (call !== undefined) call.window += bytes;
    this.#sendMore();
  }

  #end(id: number, last: Buffer): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    if (call.isWhole) call.answered(call);
    else this.#fail(new Error(`refused: ${last.toString("latin1").replaceAll(/[^ -~]+/g, " ")}`));
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      const name = payload.readUInt16BE(at);
      if (name === HEADER_TABLE_SIZE && value < TABLE_BYTES) this.#fail(new Error("a small header table"));
      if (name !== INITIAL_WINDOW_SIZE) continue;
      for (const call of this.#calls.values()) call.window += value - this.#streamWindow;
      this.#streamWindow = value;
    }
    this.#frame(SETTINGS, ACK, 0, Buffer.alloc(0));
    this.#greeted();
  }

  #giveBack(bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.#frame(WINDOW_UPDATE, 0, 0, payload);
  }

  #frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    this.#frameHead(type, flags, id, payload.length);
    this.#slab.set(payload, this.#to);
    this.#to += payload.length;
  }

  /** Makes room for a whole frame and writes its head. What has been given to the socket is never written over. */
  #frameHead(type: number, flags: number, id: number, length: number): void {
    if (this.#slab.length - this.#to < FRAME_HEAD_BYTES + length) {
      this.#flush();
      this.#slab = Buffer.allocUnsafe(SLAB_BYTES);
      this.#from = 0;
      this.#to = 0;
    }
    this.#slab.writeUIntBE(length, this.#to, 3);
    this.#slab[this.#to + 3] = type;
    this.#slab[this.#to + 4] = flags;
    this.#slab.writeUInt32BE(id, this.#to + 5);
    this.#to += FRAME_HEAD_BYTES;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#to === this.#from) return;
    this.#socket.write(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
