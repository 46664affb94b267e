// The rounds of the crash run. Each one kills a server, and meanwhile a program with a store alone (store-kills.ts). The
// server's, on the same data directory:
//
//   clients write ──SIGKILL──▶ [ server starts ──SIGKILL──▶ ] server starts ──▶ everything is read back and proven
//                    │                    │                        │
//                    │ under load, or     │ somewhere between      └ the next round goes on with this server
//                    │ when all is quiet  └ its first instruction and serving; sometimes with the index gone, so that
//                                           it falls into its rebuilding
//
// The very first kill falls into the creation of the data directory. A round that fails leaves its directory for whoever
// looks into it, and the next one begins with a new one.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerProcess } from "../../scripts/server-process.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport, type NodeTransport } from "../../src/client/node.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import type { Judged } from "../support/store-judge.ts";
import { type Attempt, type Judgement, Model } from "./model.ts";
import { checkHistories, checkKeys, proveStates, readTransactions } from "./read-back.ts";
import { StoreKills, type StoreMoment } from "./store-kills.ts";
import { type Access, Book, Writer } from "./writer.ts";

export interface RunOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Longest time that clients write in one round, in milliseconds. */
  readonly loadMs: number;
  /** Told of each round as it ends. */
  readonly onRound?: (round: RoundReport) => void;
  /** Does something to the data directory after the kill, to see that it is found out. */
  readonly sabotage?: (directory: string) => Promise<void>;
}

/** Where a kill fell. A store's kills name the phase; a server's what could be seen of it from outside. */
export interface Kill {
  readonly moment: "idle" | "commit under way" | "during start" | StoreMoment;
  /** Transactions that the index lacked, as the next start found. A batch is written as long as it lacks any. */
  indexBehind: number;
}

/** Whether a kill fell into an index batch, an opening, a truncation or a verification. */
export function isDelicate({ moment, indexBehind }: Kill): boolean {
  return indexBehind > 0 || !(moment === "idle" || moment === "commit under way" || moment === "writing");
}

export interface RoundReport {
  readonly round: number;
  /** How long clients wrote, in milliseconds. */
  readonly loadMs: number;
  readonly kills: readonly Kill[];
  readonly judgement: Judgement;
  /** Clients whose last state was proven to be a part of the present. */
  readonly statesProven: number;
  /** None: the round has passed. */
  readonly findings: readonly string[];
  /** Where the data is left, when the round has failed. */
  readonly directory: string | undefined;
}

const VERIFYING = 8;
const PLAIN = 4;
const HISTORIES_READ = 20;
/** Of all rounds, in which the clients write in bulk: few of them, and not for long, since all of it is read back. */
const BULK_CHANCE = 0.3;
const BULK_WRITERS = 2;
const INDEX_LAG = "index caught up with the log";
const NOTHING: Judgement = { acknowledged: 0, refused: 0, unanswered: 0, foundComplete: 0, entries: 0, findings: [] };

/** Runs all rounds. The last one judges everything once more, from the first transaction on. */
export async function runRounds(options: RunOptions): Promise<RoundReport[]> {
  const random = new SeededRandom(options.seed);
  const reports: RoundReport[] = [];
  let place = await Place.make(options, random);
  try {
    for (let round = 1; round <= options.rounds; round++) {
      const report = await place.round(round, round === options.rounds);
      reports.push(report);
      options.onRound?.(report);
      if (report.findings.length > 0 && round < options.rounds) place = await Place.make(options, random);
    }
  } finally {
    await place.end(reports.at(-1)?.findings.length === 0);
  }
  return reports;
}

function added(sum: Judgement, more: Judged): Judgement {
  return {
    ...sum,
    acknowledged: sum.acknowledged + more.acknowledged,
    entries: sum.entries + more.entries,
    refused: sum.refused + more.refused,
    unanswered: sum.unanswered + more.unknown,
    foundComplete: sum.foundComplete + more.foundComplete,
  };
}

/** A client that is connected to the server that is up. */
interface Connected {
  readonly writer: Writer;
  readonly client: ImmuClient;
}

/** One data directory, the server on it, and those who use it. */
class Place {
  readonly #options: RunOptions;
  readonly #random: SeededRandom;
  readonly #directory: string;
  readonly #store: StoreKills;
  readonly #book = new Book();
  readonly #model = new Model();
  readonly #writers: readonly Writer[];
  #server: ServerProcess | undefined;
  #transports: NodeTransport[] = [];
  #connected: readonly Connected[] = [];
  #access: Access | undefined;
  /** Kills of the current round. */
  #kills: Kill[] = [];
  #loadMs = 0;
  /** Attempts before this one have been judged. */
  #judged = 0;
  /** How long the last start took, in milliseconds; before the first, less than any start takes. */
  #startMs = 250;

  private constructor(options: RunOptions, random: SeededRandom, directory: string) {
    this.#options = options;
    this.#random = random;
    this.#directory = directory;
    this.#store = new StoreKills(`${directory}-store`, random);
    this.#writers = Array.from(
      { length: VERIFYING + PLAIN },
      (_, i) => new Writer(i, i < VERIFYING, this.#book, new SeededRandom(random.below(2 ** 32))),
    );
  }

  static async make(options: RunOptions, random: SeededRandom): Promise<Place> {
    return new Place(options, random, await mkdtemp(join(tmpdir(), "crash-run-")));
  }

  /** `last`: everything is read back once more, from the first transaction on. */
  async round(round: number, last: boolean): Promise<RoundReport> {
    this.#kills = [];
    let judgement = NOTHING;
    let statesProven = 0;
    const findings: string[] = [];
    // Nobody is in its way: it has a directory of its own.
    const storeRound = this.#store.round();
    storeRound.catch(() => undefined);
    try {
      if (this.#server === undefined) {
        await this.#killDuringStart();
        await this.#start();
      }
      await this.#writeUntilKilled();
      await this.#restart();
      judgement = await this.#judge(this.#model, this.#book.attempts.slice(this.#judged));
      this.#judged = this.#book.attempts.length;
      findings.push(...judgement.findings);
      const proofs = await proveStates(this.#connected, this.#model);
      statesProven = proofs.proven;
      findings.push(...proofs.findings);
      if (last) findings.push(...(await this.#judge(new Model(), this.#book.attempts)).findings);
      const store = await storeRound;
      this.#kills.push({ moment: store.moment, indexBehind: 0 });
      judgement = added(judgement, store.judged);
      findings.push(...store.judged.findings.map((finding) => `the store alone: ${finding}`));
    } catch (error) {
      findings.push(String(error instanceof Error ? (error.stack ?? error.message) : error));
    }
    const failed = findings.length > 0;
    if (failed) await this.end(false);
    return {
      round,
      loadMs: this.#loadMs,
      kills: this.#kills,
      judgement,
      statesProven,
      findings,
      directory: failed ? this.#directory : undefined,
    };
  }

  /** Ends the server; removes the data unless somebody wants to look at it. */
  async end(remove: boolean): Promise<void> {
    await this.#server?.kill();
    this.#disconnect();
    if (!remove) return;
    await rm(this.#directory, { recursive: true, force: true });
    await this.#store.remove();
  }

  async #writeUntilKilled(): Promise<void> {
    const bulk = this.#writers.every((writer) => writer.lastKey !== undefined) && this.#random.chance(BULK_CHANCE);
    const quiet = !bulk && this.#random.chance(0.15);
    const began = performance.now();
    const busy = bulk ? this.#connected.slice(0, BULK_WRITERS) : this.#connected;
    const finished = Promise.all(busy.map(({ writer, client }) => writer.run(client, { bulk })));
    const load = async (): Promise<void> => {
      await Promise.all(this.#writers.map((writer) => writer.begun));
      await sleep(20 + this.#random.below(bulk ? this.#options.loadMs / 2 : this.#options.loadMs));
    };
    await Promise.race([load(), finished]);
    if (quiet) {
      for (const writer of this.#writers) writer.stop();
      await finished;
      await sleep(this.#random.below(50));
    }
    for (const writer of this.#writers) writer.expectKill();
    this.#loadMs = performance.now() - began;
    await this.#kill(this.#writers.some((writer) => writer.busy) ? "commit under way" : "idle");
    await finished;
  }

  async #restart(): Promise<void> {
    await this.#options.sabotage?.(this.#directory);
    // Without its index, as after a power cut (it is not synced), a start has something to do that a kill can interrupt.
    const withoutIndex = this.#random.chance(0.15);
    if (withoutIndex) await rm(join(this.#directory, "defaultdb", "index"), { recursive: true, force: true });
    if (withoutIndex || this.#random.chance(0.2)) {
      const interrupted = await this.#killDuringStart();
      // What it found the index to lack was left by the kill before, unless it was we who left it.
      if (!withoutIndex) this.#noteIndexLag(interrupted, this.#kills.at(-2));
    }
    await this.#start();
  }

  async #killDuringStart(): Promise<ServerProcess> {
    const server = new ServerProcess(this.#directory);
    this.#server = server;
    // The first quarter is Node alone.
    await sleep(this.#startMs * (0.25 + 0.75 * this.#random.next()));
    await this.#kill(server.isServing ? "idle" : "during start");
    return server;
  }

  async #kill(moment: Kill["moment"]): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
    this.#disconnect();
    this.#kills.push({ moment, indexBehind: 0 });
  }

  /** Starts the server and connects everybody, with the state that each has trusted so far. */
  async #start(): Promise<void> {
    const began = performance.now();
    const server = new ServerProcess(this.#directory);
    this.#server = server;
    const address = await server.serving;
    this.#startMs = performance.now() - began;
    this.#noteIndexLag(server, this.#kills.at(-1));
    const login = new ImmuClient(this.#transport(address), { address });
    await login.openSession(ServerProcess.user, ServerProcess.password);
    const { credentials } = login;
    this.#access = { transport: this.#transport(address), credentials };
    this.#connected = this.#writers.map((writer) => ({
      writer,
      client: writer.connect({ transport: this.#transport(address), credentials }),
    }));
  }

  #transport(address: string): NodeTransport {
    const transport = createNodeTransport(address);
    this.#transports.push(transport);
    return transport;
  }

  #disconnect(): void {
    for (const transport of this.#transports.splice(0)) transport.close();
  }

  #noteIndexLag(started: ServerProcess, before: Kill | undefined): void {
    const line = started.log.find(({ message, database }) => message === INDEX_LAG && database === "defaultdb");
    if (line !== undefined && before !== undefined) before.indexBehind = Number(line["to"]) - Number(line["from"]) + 1;
  }

  /** Reads everything that came since the model's last judgement, and what can be read of it by key. */
  async #judge(model: Model, attempts: readonly Attempt[]): Promise<Judgement> {
    const { client } = this.#connected.at(-1) as Connected;
    const state = await client.currentState();
    const stored = await readTransactions(this.#access as Access, model.lastTxId + 1n, state.txId);
    const judgement = model.judge(attempts, stored);
    const keys = [...new Set(stored.flatMap(({ pairs }) => pairs.map(({ key }) => key)))];
    const some = Array.from(
      { length: Math.min(HISTORIES_READ, keys.length) },
      () => keys[this.#random.below(keys.length)],
    );
    const findings = [
      ...judgement.findings,
      ...(equalBytes(state.txHash, model.lastAlh)
        ? []
        : ["the server's state is not the hash of its last transaction"]),
      ...(await checkKeys(client, model, keys)),
      ...(await checkHistories(client, model, some as string[])),
    ];
    return { ...judgement, findings };
  }
}
