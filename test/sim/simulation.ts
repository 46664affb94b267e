// One run: a server on a simulated machine, clients, and everything that can happen to them, from one seed.
//
//   start ──▶ audit ──▶ clients work, the disk fills up or fails, the clock jumps ──▶ end ──▶ start …
//     │         │                                                                     │
//     └─────────┴ the process dies or the machine goes down      the process dies, the machine goes down, or the server
//                                                                closes (or dies while it does)
//
// Sometimes, between an audit and the next start, a stored bit is flipped; later it is put right again.
//
// The same seed gives the same run: nothing here or below asks the real clock, a real timer, a thread or real chance.

import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { audit } from "./audit.ts";
import { SimulatedClient, type World } from "./client.ts";
import { type KnownDatabase, KnownDatabases } from "./databases.ts";
import { SimulatedMachine } from "./machine.ts";
import { HONEST, type Mutation } from "./mutations.ts";
import { ConnectionLost, SimulatedServer } from "./server.ts";
import { Trace } from "./trace.ts";
import { ended, turns } from "./waiting.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** Operations of all clients together. */
  readonly ops: number;
  /** What is broken on purpose, to see that it is found. */
  readonly mutation?: Mutation;
}

export interface Report {
  readonly seed: number;
  /** One sentence each; none: everything is as promised. */
  readonly findings: readonly string[];
  /** The last events, oldest first. */
  readonly events: readonly string[];
  /** The same for two runs exactly when the same happened. */
  readonly digest: string;
  /** How often what happened. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Turns in which a server gets over a disk that did not work. */
const RECOVERY_TURNS = 300;
const STARTS_IN_TROUBLE_MAX = 3;

/** Runs one seed to its end, or to the first finding. */
export async function simulate(options: SimulationOptions): Promise<Report> {
  const simulation = new Simulation(options);
  await simulation.run();
  return simulation.report();
}

/** Ends a run at once: what comes after a finding says nothing. */
class Stop extends Error {}

class Simulation implements World {
  readonly databases: KnownDatabases;
  readonly trace: Trace = new Trace();
  isClosing = false;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #machine: SimulatedMachine;
  readonly #clients: readonly SimulatedClient[];
  readonly #auditor: SimulatedClient;
  readonly #findings: string[] = [];
  readonly #counts = new Map<string, number>();
  #operationsLeft: number;
  #attempts = 0;
  #accepting = false;
  /** Ends when every client has ended the operation it is at, and begins none. */
  #working: Promise<unknown> = Promise.resolve();

  constructor({ seed, ops, mutation = HONEST }: SimulationOptions) {
    const seeds = new SeededRandom(seed);
    const fork = (): SeededRandom => new SeededRandom(seeds.below(2 ** 32));
    this.#seed = seed;
    this.#operationsLeft = ops;
    this.#random = fork();
    this.#machine = new SimulatedMachine(fork, mutation, {
      count: (what) => this.#count(what),
      note: (event) => this.trace.note(event),
      failed: (error) => this.found(`the server failed: ${textOf(error)}`),
    });
    this.databases = new KnownDatabases(this.#machine.clock);
    this.#clients = Array.from({ length: 6 + seeds.below(5) }, (_, i) => new SimulatedClient(`c${i}`, this, fork()));
    this.#auditor = new SimulatedClient("auditor", this, fork());
  }

  get hadTrouble(): boolean {
    return this.#machine.trouble.hadTrouble;
  }

  get activeMax(): number {
    return this.#machine.activeMax;
  }

  nowMs(): number {
    return this.#machine.clock.nowMs();
  }

  nextAttempt(): number {
    return ++this.#attempts;
  }

  found(finding: string): void {
    this.trace.note(`FOUND  ${finding}`);
    this.#findings.push(finding);
  }

  report(): Report {
    const injected = Object.entries(this.#machine.trouble.injected);
    for (const [fault, count] of injected) this.#counts.set(`writes of the disk: ${fault}`, count);
    this.#counts.set("transactions tried", this.#attempts);
    return {
      seed: this.#seed,
      findings: this.#findings,
      events: this.trace.last,
      digest: this.trace.digest(),
      counts: this.#counts,
    };
  }

  async run(): Promise<void> {
    try {
      let server = await this.#start();
      while (this.#operationsLeft > 0) {
        if (this.#random.chance(0.15)) server = await this.#damage(server);
        await this.#work(server);
        await this.#end(server);
        server = await this.#start();
      }
      await this.#close(server, false);
    } catch (error) {
      if (!(error instanceof Stop)) this.found(textOf(error));
    } finally {
      this.#machine.exit();
    }
  }

  /** Starts a server, again and again until one is up and audited. */
  async #start(): Promise<SimulatedServer> {
    for (let failures = 0; ; ) {
      if (failures === STARTS_IN_TROUBLE_MAX) this.#machine.heal();
      const started = await this.#tryStart();
      if (started instanceof SimulatedServer) {
        if (await this.#tryAudit(started)) return started;
      } else if (started !== "crashed") {
        failures++;
        if (!this.hadTrouble) throw started.error;
        this.#count("starts that failed in trouble");
        this.#machine.exit();
      }
    }
  }

  /** One start, in which the process may die. */
  async #tryStart(): Promise<SimulatedServer | "crashed" | { readonly error: unknown }> {
    this.trace.note("the server starts");
    this.isClosing = false;
    const starting = SimulatedServer.start(this.#machine.boot()).catch((error: unknown) => ({ error }));
    const started = await ended(starting, "the server never comes up", this.#perhaps(0.25));
    if (started === undefined) {
      this.#machine.crash("while it opens");
      return "crashed";
    }
    this.#count("starts");
    if (!(started instanceof SimulatedServer)) this.trace.note(`the start failed: ${String(started.error)}`);
    return started;
  }

  /** One audit, in which the process may die: databases are opened in it. Says whether it came to its end. */
  async #tryAudit(server: SimulatedServer): Promise<boolean> {
    this.#machine.heal();
    const auditing = this.#audit(server).then(() => true, unlessLost);
    const audited = await ended(auditing, "the audit never ends", this.#perhaps(0.2));
    if (audited === undefined) {
      this.#machine.crash("while it opens");
      server.die();
    }
    this.#stopWhenFound();
    return audited ?? false;
  }

  /** With this probability a moment while databases are opened: some turn, or when an index is brought up to its log. */
  #perhaps(probability: number): (turn: number) => boolean {
    if (!this.#random.chance(probability)) return () => false;
    if (this.#random.chance(0.5)) return () => this.#machine.isIndexing;
    const moment = this.#random.below(60);
    return (turn) => turn === moment;
  }

  /** Reads everything back, judges it, and lets every client have its trusted states proven. */
  async #audit(server: SimulatedServer): Promise<void> {
    const auditor = this.#auditor;
    let isIn = false;
    for (const database of this.databases.all())
      isIn ||= database.exists === "yes" && (await auditor.enter(server, database));
    // Nobody logs in where the only database is out of service.
    if (!isIn) return;
    const { databases } = await auditor.call(ImmuService.method.databaseListV2, {});
    for (const finding of this.databases.settle(databases.map(({ name }) => name))) this.found(finding);
    for (const database of this.databases.all()) {
      if (database.exists !== "yes" || !(await auditor.use(database)) || !(await auditor.opens(database))) continue;
      const truncatedBefore = database.ledger.truncatedBefore;
      const findings = await audit(auditor.call, database, this.#machine.clock);
      for (const finding of findings) this.found(`${database.name}: ${finding}`);
      if (database.ledger.truncatedBefore > truncatedBefore) this.#count("truncations");
      await this.#auditTrusted(server, database);
    }
    this.#count("audits");
    this.trace.note("audited");
  }

  async #auditTrusted(server: SimulatedServer, database: KnownDatabase): Promise<void> {
    for (const client of this.#clients) {
      if (!client.trusted.databases.includes(database.name)) continue;
      if (!(await client.enter(server, database)) || !(await client.use(database))) continue;
      await client.audit(database);
      this.#count("trusted states proven");
    }
  }

  /** Clients work for a while, under whatever weather there is. Calls may be under way when it ends. */
  async #work(server: SimulatedServer): Promise<void> {
    this.#accepting = true;
    this.#working = Promise.all(this.#clients.map((client) => this.#drive(client, server)));
    for (let events = 1 + this.#random.below(4); events > 0 && this.#operationsLeft > 0; events--) {
      await turns(this.#random.below(24));
      this.#machine.weather();
    }
    this.#accepting = false;
    this.#stopWhenFound();
  }

  async #drive(client: SimulatedClient, server: SimulatedServer): Promise<void> {
    await turns(this.#random.below(6));
    while (this.#accepting && this.#operationsLeft > 0) {
      this.#operationsLeft--;
      this.#count("operations");
      this.#machine.clock.advance(this.#random.below(50));
      await client.operate(server);
      await turns(this.#random.below(6));
    }
  }

  /** The server ends, one way or another. */
  async #end(server: SimulatedServer): Promise<void> {
    const way = this.#random.next();
    if (way >= 0.85) {
      if (this.#random.chance(0.5)) this.#machine.heal();
      await this.#close(server, true);
      return;
    }
    if (way >= 0.75) {
      void this.#closing(server).catch(() => undefined);
      await turns(this.#random.below(12));
    }
    this.#machine.crash(way >= 0.75 ? "while it closes" : "while it works");
    server.die();
    await ended(this.#working, "calls that lost their server never end");
  }

  /** Closes the server in peace. What was accepted is answered. `hasWorked`: there may be something to recover from. */
  async #close(server: SimulatedServer, hasWorked: boolean): Promise<void> {
    if (hasWorked && this.#machine.trouble.mode === "none") {
      await ended(this.#working, "calls are never answered");
      await turns(RECOVERY_TURNS);
      for (const database of this.databases.all()) await this.#requireRecovered(server, database);
      this.#stopWhenFound();
    }
    const closed = this.#closing(server).catch((error: unknown) => {
      if (!this.hadTrouble) throw error;
    });
    await ended(closed, "the server never closes");
    await ended(this.#working, "calls are not answered when the server has closed");
    this.#machine.exit();
    this.#count("closed in peace");
  }

  #closing(server: SimulatedServer): Promise<void> {
    this.trace.note("the server closes");
    this.isClosing = true;
    return server.close();
  }

  /** Some time after the disk works again everything is read, and the index has caught up. */
  async #requireRecovered(server: SimulatedServer, database: KnownDatabase): Promise<void> {
    for (const finding of this.#machine.indexFindings(database)) this.found(finding);
    if (database.exists !== "yes" || database.mayBeDeleted || database.loaded !== true || database.damage.isThere)
      return;
    await this.#auditor.requireServed(server, database);
  }

  /** A stored bit flips while the server is closed; clients work on; then it is put right. */
  async #damage(server: SimulatedServer): Promise<SimulatedServer> {
    await this.#close(server, false);
    const there = this.databases.all().filter(({ exists }) => exists === "yes");
    const putRight = this.#machine.flipBit(there[this.#random.below(there.length)] as KnownDatabase);
    const started = await this.#tryStart();
    if (started instanceof SimulatedServer) {
      if (await this.#tryAudit(started)) {
        await this.#work(started);
        await this.#end(started);
      }
    } else if (started !== "crashed") {
      throw started.error;
    }
    putRight();
    return this.#start();
  }

  #stopWhenFound(): void {
    if (this.#findings.length > 0) throw new Stop();
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

/** The process died: what was asked of it is not answered. */
function unlessLost(error: unknown): false {
  if (error instanceof ConnectionLost) return false;
  throw error;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
