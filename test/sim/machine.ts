// The machine under the server: a disk, a clock, timers, and what becomes of them. It can be full or failing for a while, its
// clock can jump, and it can go down; the server's process can die on it. Randomness is its own.

import { silentLogger } from "../../src/base/observe.ts";
import { useNodeSha256 } from "../../src/server/node-sha256.ts";
import { decodeWatermark, txIdOfKey } from "../../src/store/layout.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { SimulatedDisk } from "../support/simulated-engine.ts";
import type { Flip } from "../support/simulated-environment.ts";
import { damageOf, type KnownDatabase, UNDAMAGED } from "./databases.ts";
import type { Mutation } from "./mutations.ts";
import type { Machine } from "./server.ts";
import { DiskTrouble, SimulatedClock, SimulatedTimers } from "./weather.ts";

export type Crash = "process" | "machine";

/** Told of what happens. */
export interface Observer {
  count(what: string): void;
  note(event: string): void;
  /** The server met an error that has no name. */
  failed(error: unknown): void;
}

const PATH = "/data";
const UNEXPECTED = "a call failed unexpectedly";

export class SimulatedMachine {
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly trouble: DiskTrouble;
  /** How many databases the server may have open at once. */
  readonly activeMax: number;
  readonly #random: SeededRandom;
  readonly #serverRandom: SeededRandom;
  readonly #mutation: Mutation;
  readonly #observer: Observer;
  readonly #disk: SimulatedDisk;
  #timers: SimulatedTimers = new SimulatedTimers();

  constructor(fork: () => SeededRandom, mutation: Mutation, observer: Observer) {
    this.#random = fork();
    this.#serverRandom = fork();
    this.#mutation = mutation;
    this.#observer = observer;
    this.activeMax = 2 + this.#random.below(4);
    this.trouble = new DiskTrouble(fork());
    const diskRandom = fork();
    this.#disk = new SimulatedDisk({
      random: diskRandom,
      fault: () => this.trouble.next(),
      otherFault: () => this.trouble.next(),
      panics: () => diskRandom.chance(0.5),
      ...mutation.disk,
    });
    useNodeSha256();
  }

  /** Whether an index is being written. */
  get isIndexing(): boolean {
    return this.#disk.users("/index").writes > 0;
  }

  /** What the next process finds. */
  boot(): Machine {
    this.#timers = new SimulatedTimers();
    this.trouble.hadTrouble = false;
    return {
      directory: this.#mutation.directory(this.#disk.dataDirectory(PATH)),
      driver: this.#mutation.driver(this.#disk.driver()),
      clock: this.clock,
      timers: this.#timers,
      random: this.#serverRandom,
      activeMax: this.activeMax,
      logger: {
        ...silentLogger,
        error: (fields, message) => {
          if (message === UNEXPECTED) this.#observer.failed(fields["err"]);
        },
      },
    };
  }

  /** The process ends by itself. */
  exit(): void {
    this.#timers.end();
    this.#disk.crash("process");
  }

  /** The process dies, or the machine goes down. */
  crash(when: "while it opens" | "while it works" | "while it closes"): void {
    const replays = when === "while it opens" && this.isIndexing;
    const what: Crash = this.#random.chance(0.5) ? "process" : "machine";
    const moment = replays ? "while it replays" : when;
    this.#timers.end();
    this.#disk.crash(what);
    this.#observer.count(`${what} crashes ${moment}`);
    this.#observer.note(what === "process" ? `the process dies ${moment}` : `the machine goes down ${moment}`);
  }

  /** Perhaps the clock jumps, perhaps the disk begins or ends to be full or to fail. */
  weather(): void {
    if (this.#random.chance(0.35)) {
      const seconds = Math.floor(this.clock.jump(this.#random) / 1000);
      this.#observer.count("clock jumps");
      this.#observer.note(`the clock jumps by ${seconds} s`);
    }
    if (this.trouble.mode === "none" && this.#random.chance(0.15)) {
      this.trouble.mode = this.#random.chance(0.4) ? "full" : "failing";
      this.#observer.note(`the disk is ${this.trouble.mode}`);
    } else if (this.trouble.mode !== "none" && this.#random.chance(0.4)) {
      this.heal();
    }
  }

  /** The disk works. */
  heal(): void {
    if (this.trouble.mode === "none") return;
    this.trouble.mode = "none";
    this.#observer.note("the disk works again");
  }

  /** Flips a bit in the log of a database while the server is closed. Returns what puts it right again. */
  flipBit(database: KnownDatabase): () => void {
    const flip = this.#disk.flip(`${PATH}/${database.name}/log`);
    if (flip === undefined) return () => undefined;
    const txId = transactionOf(flip);
    this.#mutation.flipped(flip);
    this.#observer.count("bits flipped");
    this.#observer.note(
      `a bit flips in ${txId === undefined ? flip.table : `transaction ${txId}`} of ${database.name}`,
    );
    database.damage = damageOf(txId, BigInt(database.ledger.stored.length));
    return () => {
      flip.restore();
      database.damage = UNDAMAGED;
      this.#observer.note("the bit is put right");
    };
  }

  /** What is wrong with the index of a database, if it is open: it must hold everything seen, and know how many rows it has. */
  indexFindings({ name, ledger }: KnownDatabase): string[] {
    const path = `${PATH}/${name}/index`;
    if (this.#disk.users(path).engines === 0) return [];
    const { meta, latest, history } = this.#disk.tables(path);
    const row = meta?.get(Buffer.from("indexed"));
    const { txId, latestRows, historyRows } = row === undefined ? NOTHING : (decodeWatermark(row) ?? NOTHING);
    const findings: string[] = [];
    if (txId < ledger.floor) findings.push(`the index of ${name} stays at ${txId} of ${ledger.floor}`);
    const [counted, there] = [`${latestRows},${historyRows}`, `${latest?.size ?? 0},${history?.size ?? 0}`];
    if (counted !== there) findings.push(`the index of ${name} counts ${counted} rows and has ${there}`);
    return findings;
  }
}

const NOTHING = { txId: 0n, latestRows: 0n, historyRows: 0n };

/** undefined: the row belongs to no transaction. */
function transactionOf({ table, key }: Flip): bigint | undefined {
  return table === "log" ? txIdOfKey(key) : undefined;
}
