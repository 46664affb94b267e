// A fuzzing session: a server, and one conversation after the other with it, each from a seed of its own. Beside them a
// connection stays untouched and has to be answered all the time.
//
//   every third conversation keeps to the rules: every answer has to come, exactly
//   the others are mutated: the connection has to end or go on, and every frame of the server has to be right
//
// What is found out in the end: no connection is left, no call was forgotten, nothing was thrown out of the server.

import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, duplexPair } from "node:stream";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import { Http2Server } from "../../src/http2/http2-server.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { Client, type Manners, turn } from "./http2-client.ts";
import { Handler } from "./http2-handler.ts";
import { Mutator } from "./http2-mutations.ts";
import { choosePlan, lastingRequests } from "./http2-plans.ts";

/** Small windows and short times, so that conversations meet them. */
const LIMITS = {
  streamsMax: 40,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 200_000,
  prefaceTimeoutMs: 300,
  headerBlockTimeoutMs: 300,
  idleMs: 300,
  stallMs: 300,
  lingerMs: 100,
  unreadRequestMs: 30,
};
/** How long a connection may take to end when its client has gone, or when nothing more comes, in milliseconds. */
const END_MS = 5000;
/** What may wait in a socket of the server for a client that does not read, and how often that is looked at. */
const UNREAD_BYTES_MAX: number = 1024 * 1024;
const LOOK_EVERY_MS = 3;

const SENTINEL_MANNERS: Manners = {
  initialWindow: 65_535,
  connectionGrant: 0,
  grants: 1,
  pauses: 0,
  pauseTurns: 0,
  controls: 0,
  flushes: 1,
  streams: 10,
};

/** What happened, all conversations together. */
export interface Totals {
  conversations: number;
  requests: number;
  /** Answers that were compared with what they had to be. */
  compared: number;
  framesSent: number;
  framesReceived: number;
  /** How conversations ended: by the code of the server's GOAWAY, or none. */
  readonly endings: Map<string, number>;
  readonly mutations: Map<string, number>;
}

export function noTotals(): Totals {
  return {
    conversations: 0,
    requests: 0,
    compared: 0,
    framesSent: 0,
    framesReceived: 0,
    endings: new Map(),
    mutations: new Map(),
  };
}

/** Something that the server did wrong, and the seed of the conversation. */
export interface Finding {
  readonly seed: number;
  readonly what: string;
}

export class Session {
  readonly findings: Finding[] = [];
  readonly #totals: Totals;
  readonly #handler = new Handler();
  readonly #server: Http2Server;
  readonly #listener: Server;
  readonly #path: string;
  /** The server's ends of all connections. */
  readonly #ends = new Set<Duplex>();
  readonly #looking: NodeJS.Timeout;
  readonly #unexpected: (error: unknown) => void;
  #sentinel: Client | undefined;
  #seed = 0;

  private constructor(totals: Totals, path: string) {
    this.#totals = totals;
    this.#path = path;
    this.#server = new Http2Server({
      onRequest: this.#handler.onRequest,
      limits: LIMITS,
      meter: silentMeter,
      logger: {
        ...silentLogger,
        error: (fields) => this.#found(`the server says it failed: ${String(fields["error"])}`),
      },
    });
    this.#listener = createServer((socket) => this.#accept(socket, "listener"));
    this.#looking = setInterval(() => this.#lookAtSockets(), LOOK_EVERY_MS);
    this.#unexpected = (error) => this.#found(`thrown: ${error instanceof Error ? error.stack : String(error)}`);
  }

  static async open(totals: Totals): Promise<Session> {
    const path = join(tmpdir(), `http2-fuzz-${process.pid}`);
    rmSync(path, { force: true });
    const session = new Session(totals, path);
    session.#listener.listen(path);
    await once(session.#listener, "listening");
    process.on("uncaughtException", session.#unexpected);
    process.on("unhandledRejection", session.#unexpected);
    return session;
  }

  /** Plays the conversation of a seed. */
  async run(seed: number): Promise<void> {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    const isMutated = !random.chance(0.33);
    const mutator = isMutated ? new Mutator(random, random.next() ** 3) : undefined;
    const { manners, requests } = choosePlan(random, isMutated);
    const client = new Client(await this.#connect(random), random, manners, mutator);
    const unfinished = deadline(20_000);
    await Promise.race([client.play(requests), unfinished.reached]);
    if (unfinished.isReached) this.#found("the conversation does not end");
    unfinished.cancel();
    if (!isMutated) this.#judgeAnswers(client);
    await this.#askSentinel(random);
    await this.#part(client, random, isMutated);
    for (const what of client.judge.findings) this.#found(what);
    for (const what of this.#handler.findings.splice(0)) this.#found(what);
    this.#count(client, requests.length, mutator);
  }

  /** Lets the server end everything, in the middle of calls. */
  async close(): Promise<void> {
    const sentinel = await this.#freshSentinel();
    const random = new SeededRandom(this.#seed);
    const playing = sentinel.play(Array.from({ length: 10 }, () => lastingRequests(random)).flat());
    for (let turns = random.below(5); turns > 0; turns--) await turn();
    const late = deadline(END_MS);
    await Promise.race([Promise.all([this.#server.close(), playing, sentinel.closed]), late.reached]);
    if (late.isReached) this.#found("the server does not close");
    late.cancel();
    for (const what of sentinel.complaints()) this.#found(`beside it: ${what}`);
    this.#judgeSentinel(sentinel);
    if (this.#server.connections !== 0) this.#found(`${this.#server.connections} connections are left`);
    if (this.#handler.live !== 0) this.#found(`${this.#handler.live} calls were neither answered nor aborted`);
    this.#server.destroy();
    this.#listener.close();
    clearInterval(this.#looking);
    process.off("uncaughtException", this.#unexpected);
    process.off("unhandledRejection", this.#unexpected);
  }

  #judgeAnswers(client: Client): void {
    this.#totals.compared += client.calls;
    for (const what of client.complaints()) this.#found(what);
    const { goaway } = client.judge;
    if (goaway !== undefined && goaway.code !== 0) this.#found(`a good conversation ended with ${goaway.code}`);
  }

  /** A request on the connection that nothing is done to. */
  async #askSentinel(random: SeededRandom): Promise<void> {
    const sentinel = await this.#freshSentinel();
    const late = deadline(END_MS);
    await Promise.race([sentinel.play(lastingRequests(random)), late.reached]);
    late.cancel();
    for (const what of sentinel.complaints()) this.#found(`beside it: ${what}`);
    this.#totals.compared += sentinel.calls;
    sentinel.forget();
  }

  async #freshSentinel(): Promise<Client> {
    const sentinel = this.#sentinel;
    if (sentinel !== undefined && !sentinel.isOver) return sentinel;
    if (sentinel !== undefined) this.#judgeSentinel(sentinel);
    const random = new SeededRandom(this.#seed);
    this.#sentinel = new Client(await this.#connect(random), random, SENTINEL_MANNERS);
    return this.#sentinel;
  }

  /** The untouched connection, when it is over: because it was idle for too long, or because the server stops. */
  #judgeSentinel({ judge }: Client): void {
    for (const what of judge.findings) this.#found(`beside it: ${what}`);
    if (judge.goaway?.code !== 0) this.#found(`beside it: ended with ${judge.goaway?.code ?? "no GOAWAY"}`);
  }

  /** The end of a conversation. Whoever goes, and however, the server has to let go of the connection. */
  async #part(client: Client, random: SeededRandom, isMutated: boolean): Promise<void> {
    for (let turns = random.below(30); turns > 0; turns--) await turn();
    const way = random.below(40);
    // Seldom, because it takes its time: nothing at all is said, and the server has to notice.
    if (way < 24) client.end();
    else if (way < 39 || !isMutated) client.destroy();
    const late = deadline(END_MS);
    const others = this.#sentinel !== undefined && !this.#sentinel.isClosed ? 1 : 0;
    while (this.#server.connections > others && !late.isReached) await late.orTurn();
    if (late.isReached) {
      if (way >= 39 && !client.isClosed) client.destroy();
      this.#found(`the connection does not end (${way < 24 ? "ended" : way < 39 ? "destroyed" : "silent"})`);
    }
    late.cancel();
    if (!client.isClosed) client.destroy();
    await client.closed;
    for (let turns = 0; turns < 25; turns++) await turn();
    if (others === 0 || this.#server.connections === 1) this.#countLive();
  }

  /** No call is under way when there is no connection but the untouched one. */
  #countLive(): void {
    if (this.#handler.live === 0) return;
    this.#found(`${this.#handler.live} calls were neither answered nor aborted`);
    this.#handler.live = 0;
  }

  /** A connection: through the kernel, or in memory. */
  async #connect(random: SeededRandom): Promise<Duplex> {
    if (random.chance(0.5)) {
      const socket = connect(this.#path);
      await once(socket, "connect");
      return socket;
    }
    const [near, far] = duplexPair({ highWaterMark: 1 + random.below(100_000) });
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    this.#accept(far, "memory");
    return near;
  }

  #accept(socket: Duplex, peer: string): void {
    this.#ends.add(socket);
    socket.on("close", () => this.#ends.delete(socket));
    this.#server.accept(socket, peer);
  }

  #lookAtSockets(): void {
    for (const socket of this.#ends) {
      if (socket.writableLength <= UNREAD_BYTES_MAX) continue;
      this.#found(`${socket.writableLength} bytes wait for a client that does not read`);
      socket.destroy();
    }
  }

  #count({ judge }: Client, requests: number, mutator: Mutator | undefined): void {
    this.#totals.conversations++;
    this.#totals.requests += requests;
    this.#totals.framesSent += judge.framesSent;
    this.#totals.framesReceived += judge.framesReceived;
    const ending = judge.goaway === undefined ? "by the client" : `GOAWAY ${judge.goaway.code}`;
    this.#totals.endings.set(ending, (this.#totals.endings.get(ending) ?? 0) + 1);
    for (const [name, times] of mutator?.made ?? []) {
      this.#totals.mutations.set(name, (this.#totals.mutations.get(name) ?? 0) + times);
    }
  }

  #found(what: string): void {
    this.findings.push({ seed: this.#seed, what });
  }
}

interface Deadline {
  readonly reached: Promise<void>;
  readonly isReached: boolean;
  /** Waits a little, not beyond the deadline. */
  orTurn(): Promise<void>;
  cancel(): void;
}

function deadline(ms: number): Deadline {
  let isReached = false;
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    isReached = true;
    resolve();
  }, ms);
  return {
    reached,
    get isReached() {
      return isReached;
    },
    orTurn: () => new Promise((done) => setTimeout(done, 1)),
    cancel: () => {
      clearTimeout(timer);
      resolve();
    },
  };
}
