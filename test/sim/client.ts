// A client: logs in, picks an operation at random, holds the answer against what is known, again and again. What an answer
// can be judged by at once is judged at once; the rest when the ledger has been read back (ledger.ts).

import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction } from "../../gen/immudb/schema/tx_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { CallFailure } from "../../src/services/error-table.ts";
import { txHeaderFromWire } from "../../src/wire/tx-header.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { ask } from "./ask.ts";
import { Choices } from "./choices.ts";
import { changing, type KnownDatabase, type KnownDatabases, mayBeClosed, settleLoaded } from "./databases.ts";
import { type Failure, failureOf, failureText, isReadOnly, isSessionOver, isTooLate } from "./failures.ts";
import type { Attempt, Condition, Write } from "./ledger.ts";
import { entryText, NOT_FOUND, type Question } from "./reference.ts";
import { conditionToWire, writeToWire } from "./requests.ts";
import { ConnectionLost, IDLE_MS, type SimulatedServer } from "./server.ts";
import type { Trace } from "./trace.ts";
import { type Call, TrustedStates } from "./trusted.ts";
import { whenServed } from "./waiting.ts";

/** What clients share. */
export interface World {
  readonly databases: KnownDatabases;
  readonly trace: Trace;
  /** Whether a write of the disk has failed since the server was started. */
  readonly hadTrouble: boolean;
  /** Whether the server has begun to close. */
  readonly isClosing: boolean;
  /** How many databases may be open at once, the server's own among them. */
  readonly activeMax: number;
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** A number that no other attempt to write has. */
  nextAttempt(): number;
  /** Something is not as promised. */
  found(finding: string): void;
}

const METHODS = ImmuService.method;
const DIGESTS = { kvEntriesSpec: { action: EntryTypeAction.ONLY_DIGEST } };
const DATABASES_MAX = 4;
/** The shortest that may be, and how often values are looked through. */
const RETENTION_MS = 86_400_000;
const RETENTION = { value: BigInt(RETENTION_MS) };
const LOOKS = { value: 200n };

interface Login {
  readonly id: string;
  readonly database: KnownDatabase;
}

export class SimulatedClient {
  readonly trusted: TrustedStates = new TrustedStates();
  readonly #name: string;
  readonly #world: World;
  readonly #choose: Choices;
  #server: SimulatedServer | undefined;
  #login: Login | undefined;
  /** When the session was last used, and how long it had been idle then. */
  #usedMs = 0;
  #idleMs = 0;

  constructor(name: string, world: World, random: SeededRandom) {
    this.#name = name;
    this.#world = world;
    this.#choose = new Choices(random);
  }

  /** One operation on this server. */
  async operate(server: SimulatedServer): Promise<void> {
    try {
      if (await this.enter(server, this.#anyDatabase())) await this.#operation((this.#login as Login).database);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.#note("lost the connection");
    }
  }

  /** Logs in, unless the client is. Says whether it is then. */
  async enter(server: SimulatedServer, database: KnownDatabase): Promise<boolean> {
    if (this.#server !== server) this.#login = undefined;
    this.#server = server;
    if (this.#login !== undefined) return true;
    const { changes } = database;
    const request = { username: utf8("immudb"), password: utf8("immudb"), databaseName: database.name };
    const before = this.#world.nowMs();
    return this.#served(database, "log in", changes, async () => {
      const { sessionID } = await this.call(METHODS.openSession, request);
      this.#login = { id: sessionID, database };
      this.#usedMs = Math.min(before, this.#world.nowMs());
    });
  }

  /** A call in the session of this client. */
  readonly call: Call = (method, request) => {
    const nowMs = this.#world.nowMs();
    this.#idleMs = nowMs - this.#usedMs;
    this.#usedMs = nowMs;
    return (this.#server as SimulatedServer).call(method, request, this.#login?.id);
  };

  /** Works on another database from now on. Says whether it does. */
  use(database: KnownDatabase): Promise<boolean> {
    const { changes } = database;
    return this.#served(database, "use", changes, async () => {
      await this.call(METHODS.useDatabase, { databaseName: database.name });
      this.#login = { id: (this.#login as Login).id, database };
    });
  }

  /** Says whether the database in use answers. */
  opens(database: KnownDatabase): Promise<boolean> {
    return this.#served(database, "open", database.changes, async () => {
      await whenServed(() => this.call(METHODS.currentState, {}));
    });
  }

  /** Reads and writes something of a database, which must work, unless the outcome of a write is unknown there. */
  async requireServed(server: SimulatedServer, database: KnownDatabase): Promise<void> {
    this.#login = undefined;
    if (!(await this.enter(server, database))) return;
    try {
      await whenServed(() => this.#readAndWrite(database));
    } catch (error) {
      if (database.mayBeReadOnly && isReadOnly(error)) return;
      this.#world.found(`${database.name} is not served although the disk works: ${(error as Error).message}`);
    }
  }

  async #readAndWrite(database: KnownDatabase): Promise<void> {
    await this.call(METHODS.txScan, { initialTx: 1n, entriesSpec: DIGESTS });
    await this.call(METHODS.history, { key: utf8(this.#choose.key()) }).catch(unlessNotFound);
    const failure = await this.#set(database, [], false);
    if (failure !== undefined) throw failure;
  }

  /** Proves that a database continues what the client has seen of it. */
  async audit(database: KnownDatabase): Promise<void> {
    await this.#served(database, "audit", database.changes, async () => {
      database.ledger.saw(await this.trusted.audit(this.call, database.name));
    });
  }

  #operation(database: KnownDatabase): Promise<unknown> {
    const run = this.#choose.weighted<() => Promise<unknown>>([
      [22, () => this.#set(database, this.#someConditions(database), false)],
      [14, () => this.#set(database, this.#someConditions(database), true)],
      [8, () => this.#delete(database)],
      [30, () => this.#ask(database)],
      [8, () => this.#verifiedGet(database)],
      [4, () => this.#verifiedTx(database)],
      [3, () => this.audit(database)],
      [2, () => this.#keepAlive(database)],
      [4, () => this.use(this.#anyDatabase())],
      [6, () => this.#create()],
      [3, () => this.#unload()],
      [3, () => this.#load()],
      [2, () => this.#remove()],
    ]);
    return run();
  }

  #someConditions(database: KnownDatabase): Condition[] {
    return this.#choose.chance(0.25) ? [this.#choose.condition(database.ledger.floor)] : [];
  }

  /** Resolves with what it failed with, if it did. */
  #set(database: KnownDatabase, conditions: readonly Condition[], verified: boolean): Promise<unknown> {
    const id = this.#world.nextAttempt();
    const writes = this.#choose.writes(id, database.ledger.moment().now);
    const request = { KVs: writes.map(writeToWire), preconditions: conditions.map(conditionToWire) };
    return this.#attempt(database, id, writes, conditions, async () =>
      verified
        ? this.trusted.set(this.call, database.name, request, writes)
        : txHeaderFromWire(await this.call(METHODS.set, request)),
    );
  }

  async #delete(database: KnownDatabase): Promise<void> {
    const keys = this.#choose.keys(this.#choose.chance(0.8) ? 1 : 3);
    const deletion = { value: "", deleted: true, expiresAt: undefined, nonIndexable: false };
    const writes = keys.map((key): Write => ({ key, ...deletion }));
    const conditions = keys.map((key): Condition => ({ kind: "readable", key }));
    await this.#attempt(database, this.#world.nextAttempt(), writes, conditions, async () =>
      txHeaderFromWire(await this.call(METHODS.delete, { keys: keys.map(utf8) })),
    );
  }

  /** Runs a write and keeps what its writer was told. Resolves with what it failed with, if it did. */
  async #attempt(
    database: KnownDatabase,
    id: number,
    writes: readonly Write[],
    conditions: readonly Condition[],
    run: () => Promise<TxHeader>,
  ): Promise<unknown> {
    const { ledger, name, changes } = database;
    const attempt: Attempt = ledger.begin(id, writes, conditions);
    const what = [...writes, ...conditions.map(({ kind, key }) => ({ key: `${kind} ${key}` }))];
    this.#note(`attempt ${id} in ${name}: ${what.map(({ key }) => key).join()}`);
    try {
      const header = await run();
      this.#note(`attempt ${id} is ${header.id}`);
      const finding = ledger.acknowledge(attempt, header);
      if (finding !== undefined) this.#world.found(finding);
      return undefined;
    } catch (error) {
      const failure = this.#failure(error, database, changes);
      this.#note(`attempt ${id} is ${failureText(failure, error)}`);
      if (failure.kind === "unknown") database.mayBeReadOnly = true;
      if (failure.kind === "unserved") ledger.refuse(attempt, undefined);
      if (failure.kind === "refused") ledger.refuse(attempt, failure.text);
      return error;
    }
  }

  async #ask(database: KnownDatabase): Promise<void> {
    const question = this.#choose.question(database.ledger.floor);
    await this.#answered(database, question, false, () => ask(this.call, question, database.ledger));
  }

  async #verifiedGet(database: KnownDatabase): Promise<void> {
    const key = this.#choose.key();
    const question: Question = { kind: "get", key, atTx: 0n, atRevision: 0n, sinceTx: 0n };
    await this.#answered(database, question, true, async () => {
      const entry = await this.trusted.get(this.call, database.name, key);
      database.ledger.saw(entry.tx);
      return entryText(entry);
    });
  }

  /** Asks, and leaves the answer to be judged. A proof may meet damage that the value has not. */
  async #answered(
    database: KnownDatabase,
    question: Question,
    proven: boolean,
    ask: () => Promise<string>,
  ): Promise<void> {
    const { ledger, changes, damage } = database;
    const begun = ledger.moment();
    let answer: string | undefined;
    try {
      answer = await ask();
    } catch (error) {
      const failure = this.#failure(error, database, changes);
      if (["unserved", "unknown", "unproven"].includes(failure.kind) || (failure.kind === "damaged" && proven)) return;
      if (failure.kind === "refused") answer = `refused: ${failure.text}`;
    }
    this.#note(`${question.kind} in ${database.name}: ${answer ?? "damaged"}`);
    ledger.read({ question, begun, ended: ledger.moment(), answer, damaged: damage.txs });
  }

  async #verifiedTx(database: KnownDatabase): Promise<void> {
    const { floor } = database.ledger;
    if (floor === 0n) return;
    const tx = BigInt(this.#choose.upTo(Number(floor)));
    await this.#served(database, `prove ${tx}`, database.changes, async () => {
      await this.trusted.txById(this.call, database.name, tx);
    });
  }

  #keepAlive(database: KnownDatabase): Promise<boolean> {
    return this.#served(database, "keep alive", database.changes, async () => {
      await this.call(METHODS.keepAlive, {});
    });
  }

  async #create(): Promise<void> {
    const count = this.#world.databases.all().length;
    if (count >= DATABASES_MAX) return;
    const retains = this.#choose.chance(0.6);
    const database = this.#world.databases.add(`db${count}`, retains ? RETENTION_MS : Number.POSITIVE_INFINITY);
    const settings = { truncationSettings: { retentionPeriod: RETENTION, truncationFrequency: LOOKS } };
    await this.#change(database, "create", async () => {
      await this.call(METHODS.createDatabaseV2, { name: database.name, ...(retains && { settings }) });
      database.exists = "yes";
      settleLoaded(database, true);
    });
  }

  #unload(): Promise<void> {
    return this.#change(this.#otherDatabase(), "unload", async (database) => {
      await this.call(METHODS.unloadDatabase, { database: database.name });
      settleLoaded(database, false);
    });
  }

  #load(): Promise<void> {
    return this.#change(this.#otherDatabase(), "load", async (database) => {
      await this.call(METHODS.loadDatabase, { database: database.name });
      database.exists = "yes";
      // A database that is loaded is not one that the next start takes for deleted.
      if (database.changing === 1) database.mayBeDeleted = false;
      settleLoaded(database, true);
    });
  }

  #remove(): Promise<void> {
    return this.#change(this.#otherDatabase(), "delete", async (database) => {
      const before = database.mayBeDeleted;
      database.mayBeDeleted = true;
      try {
        await this.call(METHODS.deleteDatabase, { database: database.name });
        database.exists = "no";
      } catch (error) {
        if (isTooLate(error) && database.changing === 1) database.mayBeDeleted = before;
        throw error;
      }
    });
  }

  async #change(
    database: KnownDatabase | undefined,
    what: string,
    run: (database: KnownDatabase) => Promise<void>,
  ): Promise<void> {
    if (database === undefined) return;
    await changing(database, async () => {
      await this.#served(database, what, database.changes, async () => {
        await run(database).catch((error: unknown) => {
          if (!isTooLate(error)) throw error;
          this.#note(`${what} ${database.name}: ${error.message}`);
        });
      });
    });
  }

  /** A call that must succeed, unless the database is closed, the session over, the disk in trouble or the data damaged. */
  async #served(database: KnownDatabase, what: string, changes: number, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      this.#note(`${what} ${database.name}`);
      return true;
    } catch (error) {
      const failure = this.#failure(error, database, changes);
      this.#note(`${what} ${database.name} is ${failureText(failure, error)}`);
      if (failure.kind === "refused") this.#world.found(`${what} ${database.name} was refused: ${failure.text}`);
      return false;
    }
  }

  /** What a failed call says. Throws what is no answer at all. */
  #failure(error: unknown, database: KnownDatabase, changes: number): Failure {
    const { hadTrouble, isClosing, activeMax, databases } = this.#world;
    if (isSessionOver(error)) this.#login = undefined;
    const failure = failureOf(error, {
      damage: database.damage,
      hadTrouble,
      mayBeClosed: isClosing || mayBeClosed(database, changes),
      mayBeBusy: databases.all().length >= activeMax,
      mayBeOver: this.#idleMs > IDLE_MS,
    });
    if (failure.kind === "unproven") this.#world.found(failure.text);
    return failure;
  }

  #anyDatabase(): KnownDatabase {
    return this.#choose.one(
      this.#world.databases.all().filter(({ exists, loaded }) => exists === "yes" && loaded !== false),
    );
  }

  /** One that may be created, loaded, unloaded and deleted. */
  #otherDatabase(): KnownDatabase | undefined {
    return this.#choose.one(
      this.#world.databases.all().filter(({ name, exists }) => name !== "defaultdb" && exists !== "no"),
    );
  }

  #note(event: string): void {
    this.#world.trace.note(`${this.#name}  ${event}`);
  }
}

function unlessNotFound(error: unknown): void {
  if (!(error instanceof CallFailure && error.message === NOT_FOUND)) throw error;
}
