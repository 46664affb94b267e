// A server in a process of its own, and one conversation with it after the other, each from a seed: calls of every method, in
// every protocol, with good and bad credentials, one by one or many at once.
//
// What is found out: what an answer says wrong (rpc-judge.ts), what the server says of itself (rpc-server.ts), that it still
// answers after every conversation, and that no call is left under way.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import { DocumentService } from "../../gen/immudb/model/document_service_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { VerifyService } from "../../gen/immudb/verify/v1/verify_pb.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { type Answer, type Call, RpcClient } from "./rpc-client.ts";
import { wrongWith } from "./rpc-judge.ts";
import { Maker } from "./rpc-maker.ts";
import type { FromServer } from "./rpc-server.ts";
import { World } from "./rpc-world.ts";

const CALLS_OF_A_CONVERSATION = 40;
const START_MS_MAX = 30_000;
/** How long calls may stay under way when their callers have gone, in milliseconds. */
const QUIET_MS_MAX = 10_000;

const SERVICES = [ImmuService, AuthorizationService, DocumentService, VerifyService];
const SERVICES_OF_GRPC = [Health, ServerReflection, ServerReflectionAlpha];
const METHODS = [...SERVICES, ...SERVICES_OF_GRPC].flatMap(({ methods }) => methods);
const DATABASES = ["defaultdb", "fuzz0", "fuzz1"];
/** By name: what he may do with fuzz0. */
const USERS: Readonly<Record<string, number>> = { reader: 1, writer: 2, owner: 254 };

export interface Finding {
  readonly seed: number;
  readonly what: string;
}

/** How a call is made that is to go well. */
const PLAIN = {
  protocol: "grpc",
  codec: "proto",
  http: 2,
  isGet: false,
  envelope: undefined,
  leavesAfterMs: undefined,
} as const;

/** What happened, all conversations together. */
export interface Totals {
  conversations: number;
  calls: number;
  /** Answers by their code. */
  readonly codes: Map<number, number>;
  /** Methods that answered well, at least once. */
  readonly served: Set<string>;
}

type Headers = Readonly<Record<string, string>>;

export class Session {
  readonly findings: Finding[] = [];
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #client: RpcClient;
  readonly #totals: Totals;
  /** Headers by user and database. */
  readonly #credentials = new Map<string, Headers>();
  #seed = 0;

  private constructor(child: ChildProcess, directory: string, url: string, totals: Totals) {
    this.#child = child;
    this.#directory = directory;
    this.#client = new RpcClient(url);
    this.#totals = totals;
    child.on("message", (message: FromServer) => {
      if (message.kind === "wrong") this.#find(message.what);
    });
    child.on("exit", (code, signal) => {
      if (this.isOver) this.#find(`the server ended: ${code ?? signal}`);
    });
  }

  /** With an even `seed`, the server keeps records of all calls and says in transactions who made them. */
  static async open(totals: Totals, seed: number): Promise<Session> {
    const directory = await mkdtemp(join(tmpdir(), "rpc-fuzz-"));
    const server = join(import.meta.dirname, "rpc-server.ts");
    const child = fork(server, [directory, seed % 2 === 0 ? "records" : ""], { execArgv: ["--expose-gc"], timeout: 0 });
    const [ready] = (await once(child, "message", { signal: AbortSignal.timeout(START_MS_MAX) })) as [FromServer];
    if (ready.kind !== "ready") throw new Error(`the server did not start: ${JSON.stringify(ready)}`);
    const session = new Session(child, directory, ready.url, totals);
    await session.#prepare();
    return session;
  }

  /** Whether the server has ended. */
  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Bytes that the server uses. */
  async memory(): Promise<number> {
    this.#child.send("memory");
    for (;;) {
      const [message] = (await once(this.#child, "message")) as [FromServer];
      if (message.kind === "memory") return message.bytes;
    }
  }

  async run(seed: number): Promise<void> {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    const world = new World(random);
    const database = world.pick(DATABASES);
    const maker = new Maker(world, METHODS);
    for (let made = 0; made < CALLS_OF_A_CONVERSATION && !this.isOver; ) {
      if (made === 0 || random.chance(0.2)) maker.users = await this.#users(world, database);
      const calls = Array.from({ length: random.chance(0.1) ? 8 : 1 }, () => maker.call());
      made += calls.length;
      await Promise.all(calls.map((call) => this.#judged(call, world)));
    }
    await this.#quiet(database);
    this.#totals.conversations++;
  }

  async close(): Promise<void> {
    this.#client.close();
    if (!this.isOver) {
      this.#child.removeAllListeners("exit");
      this.#child.send("stop");
      await once(this.#child, "exit");
      if (this.#child.exitCode !== 0) this.#find(`the server could not be stopped: ${this.#child.exitCode}`);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #judged(call: Call, world: World): Promise<void> {
    const answer = await this.#client.call(call);
    const { codes, served } = this.#totals;
    this.#totals.calls++;
    const code = answer.status?.code ?? -1;
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (code === 0) served.add(call.method.name);
    if (call.method.name === "exportTx" && code === 0) this.#keepExport(call, answer, world);
    const wrong = wrongWith(call, answer);
    if (wrong !== undefined && !this.isOver) this.#find(`${described(call)}: ${wrong}`);
  }

  #keepExport({ codec, method }: Call, { messages }: Answer, world: World): void {
    if (codec !== "proto" || messages.length === 0) return;
    const contents = messages.map(
      (bytes) => (fromBinary(method.output, bytes) as unknown as { content: Uint8Array }).content,
    );
    world.exported.push(Buffer.concat(contents).subarray(8));
  }

  /** Who may call next, mostly the administrator of the database, which is made ready again; and where the database is. */
  async #users(world: World, database: string): Promise<Headers[]> {
    const admin = await this.#login("immudb", database);
    let state = await this.#ask("currentState", {}, admin);
    if (state === undefined) {
      await this.#ask("loadDatabase", { database }, admin);
      await this.#ask("useDatabase", { databaseName: database }, admin);
      state = await this.#ask("currentState", {}, admin);
    }
    world.txId = (state as { txId: bigint } | undefined)?.txId ?? 0n;
    const other = await this.#login(world.pick(Object.keys(USERS)), "fuzz0");
    return [admin, admin, admin, admin, other, await this.#token()];
  }

  /** Waits until no call is under way in the database; then the server must still answer. */
  async #quiet(database: string): Promise<void> {
    if (this.isOver) return;
    const until = performance.now() + QUIET_MS_MAX;
    for (;;) {
      const health = await this.#ask("databaseHealth", {}, await this.#login("immudb", database));
      // The call that asks is one itself.
      if (health === undefined || (health as { pendingRequests: number }).pendingRequests <= 1) break;
      if (performance.now() > until) return this.#find("calls stay under way that nobody waits for");
      await sleep(50);
    }
    if ((await this.#ask("health", {}, {})) === undefined) this.#find("the server does not answer any more");
  }

  async #prepare(): Promise<void> {
    const admin = await this.#login("immudb", "defaultdb");
    for (const name of DATABASES.slice(1)) await this.#ask("createDatabaseV2", { name, ifNotExists: true }, admin);
    for (const [name, permission] of Object.entries(USERS)) {
      const user = Buffer.from(name);
      await this.#ask("createUser", { user, password: user, permission, database: "fuzz0" }, admin);
    }
  }

  /** Headers of a session of the user; of the administrator on the default database where he has none to be had. */
  async #login(user: string, databaseName: string): Promise<Headers> {
    const name = `${user} ${databaseName}`;
    const known = this.#credentials.get(name);
    if (known !== undefined && (await this.#ask("databaseListV2", {}, known)) !== undefined) return known;
    const username = Buffer.from(user);
    const opened = await this.#ask("openSession", { username, password: username, databaseName }, {});
    if (opened === undefined) return databaseName === "defaultdb" ? {} : await this.#login("immudb", "defaultdb");
    const headers = { sessionid: (opened as { sessionID: string }).sessionID };
    this.#credentials.set(name, headers);
    return headers;
  }

  async #token(): Promise<Headers> {
    const known = this.#credentials.get("token");
    if (known !== undefined && (await this.#ask("databaseList", {}, known)) !== undefined) return known;
    const user = Buffer.from("immudb");
    const login = (await this.#ask("login", { user, password: user }, {})) as { token: string } | undefined;
    const chosen = { databaseName: "fuzz0" };
    const headers = { authorization: `Bearer ${login?.token}` };
    const used = (await this.#ask("useDatabase", chosen, headers)) as { token: string } | undefined;
    const token = { authorization: `Bearer ${used?.token ?? login?.token}` };
    this.#credentials.set("token", token);
    return token;
  }

  /** A call that is made to get on; undefined when it is refused. */
  async #ask(name: keyof typeof ImmuService.method, request: object, headers: Headers): Promise<unknown> {
    const method = ImmuService.method[name];
    const input: DescMessage = method.input;
    const message = toBinary(input, create(input, request as MessageInitShape<DescMessage>));
    const answer = await this.#client.call({ ...PLAIN, method, headers, messages: [message] });
    const [bytes] = answer.messages;
    return answer.status?.code === 0 && bytes !== undefined ? fromBinary(method.output, bytes) : undefined;
  }

  #find(what: string): void {
    this.findings.push({ seed: this.#seed, what });
  }
}

function described({ method, protocol, codec, http, messages, headers }: Call): string {
  const sent = messages.map((bytes) =>
    Buffer.from(bytes)
      .toString(codec === "json" ? "utf8" : "hex")
      .slice(0, 300),
  );
  return `${method.name} ${protocol}+${codec} HTTP/${http} ${JSON.stringify(headers)} [${sent.join(", ")}]`;
}
