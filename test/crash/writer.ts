// One client of the crash run: writes without pause, one transaction at a time, and notes what it was told. What it writes is
// decided by its seed; which answers it gets, by the kill.

import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { ImmuClient } from "../../src/client/client.ts";
import type { Credentials } from "../../src/client/credentials.ts";
import { MemoryStateStore } from "../../src/client/trusted-state.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { type Attempt, type Condition, type Pair, valueFor } from "./model.ts";

/** How clients reach the server that is up now. */
export interface Access {
  readonly transport: Transport;
  readonly credentials: Credentials;
}

/** What the clients of one run share: the book of attempts, and the keys that they fight over. */
export class Book {
  readonly attempts: Attempt[] = [];
  #raceSlot = 0;

  /** The key that all are trying to create just now. */
  get raceKey(): string {
    return `race/${this.#raceSlot}`;
  }

  /** Somebody has created the key, so the race goes on with the next. */
  decided(key: string): void {
    if (key === this.raceKey) this.#raceSlot++;
  }

  /** Notes an attempt before it is sent. */
  open(client: number, condition: Condition | undefined, pairsOf: (attempt: number) => readonly Pair[]): Attempt {
    const id = this.attempts.length + 1;
    const attempt: Attempt = { id, client, condition, pairs: pairsOf(id), outcome: { kind: "unanswered" } };
    this.attempts.push(attempt);
    return attempt;
  }
}

const OWN_KEYS = 50;
const COUNTERS = 4;
const NAME_LENGTH = 40;
/** Entries of a bulk transaction: while those before it are indexed, it is committed. */
const BULK_ENTRIES = 1000;

interface Plan {
  readonly keys: readonly string[];
  readonly condition: Condition | undefined;
}

export class Writer {
  readonly number: number;
  /** Makes its single writes with proofs, and holds on to the state it has seen. */
  readonly verifies: boolean;
  readonly #book: Book;
  readonly #random: SeededRandom;
  readonly #states = new MemoryStateStore();
  #stopping = false;
  #bulk = false;
  #killed = false;
  #busy = false;
  #lastKey: string | undefined;
  readonly #begun = Promise.withResolvers<void>();

  constructor(number: number, verifies: boolean, book: Book, random: SeededRandom) {
    this.number = number;
    this.verifies = verifies;
    this.#book = book;
    this.#random = random;
  }

  /** Whether a write is on its way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Resolves with the first acknowledgement; from then on a client that verifies has a state to hold on to. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** The key written last that was acknowledged. */
  get lastKey(): string | undefined {
    return this.#lastKey;
  }

  /** The client over the given connection, with the state trusted so far. The address is a name, since ports change. */
  connect({ transport, credentials }: Access): ImmuClient {
    return new ImmuClient(transport, { address: "the server of the crash run", store: this.#states, credentials });
  }

  /** From now on calls may fail: the server is being killed. */
  expectKill(): void {
    this.#killed = true;
    this.#stopping = true;
  }

  /** No further write; `run` ends when the last one is answered. */
  stop(): void {
    this.#stopping = true;
  }

  /** Writes until it is stopped; `bulk`: only big transactions. Rejects with what should not have happened. */
  async run(client: ImmuClient, { bulk }: { readonly bulk: boolean }): Promise<void> {
    this.#bulk = bulk;
    this.#stopping = false;
    this.#killed = false;
    while (!this.#stopping) {
      const plan = await this.#plan(client);
      if (plan === undefined || this.#stopping) continue;
      const attempt = this.#open(plan);
      this.#busy = true;
      try {
        attempt.outcome = { kind: "acknowledged", header: await this.#write(client, attempt) };
        this.#lastKey = attempt.pairs[0]?.key;
        this.#begun.resolve();
      } catch (error) {
        if (isRefusal(error)) attempt.outcome = { kind: "refused" };
        else if (!this.#killed || !(error instanceof ConnectError)) throw error;
      } finally {
        this.#busy = false;
      }
      if (attempt.condition !== undefined && attempt.outcome.kind !== "unanswered") {
        this.#book.decided(attempt.condition.key);
      }
    }
  }

  async #write(client: ImmuClient, { pairs, condition }: Attempt): Promise<TxHeader> {
    const [pair] = pairs;
    if (this.verifies && pairs.length === 1 && condition === undefined && pair !== undefined) {
      return (await client.verifiedSet(pair.key, pair.value)).header;
    }
    return client.setAll(pairs, condition === undefined ? [] : [condition]);
  }

  /** What to write next: which keys, on which condition. `{attempt}` in a key makes it a new one. */
  async #plan(client: ImmuClient): Promise<Plan | undefined> {
    if (this.#bulk) return { keys: this.#newKeys(), condition: undefined };
    const choice = this.#random.below(100);
    if (choice < 40 || this.#lastKey === undefined) return { keys: [this.#ownKey()], condition: undefined };
    if (choice < 60) return { keys: this.#batch(), condition: undefined };
    if (choice < 75) {
      const key = this.#book.raceKey;
      const more = this.#random.chance(0.5) ? [] : this.#batch();
      return { keys: [key, ...more], condition: { kind: "key_must_not_exist", key } };
    }
    if (choice < 85) {
      const key = this.#random.chance(0.3) ? `never/${this.number}` : this.#lastKey;
      return { keys: [this.#ownKey()], condition: { kind: "key_must_exist", key } };
    }
    return this.#planCounter(client);
  }

  /** Reads a counter that others write too, to replace it if nobody else has meanwhile. */
  async #planCounter(client: ImmuClient): Promise<Plan | undefined> {
    const key = `counter/${this.#random.below(COUNTERS)}`;
    try {
      const [entry] = await client.getAll([key]);
      const condition: Condition =
        entry === undefined
          ? { kind: "key_must_not_exist", key }
          : { kind: "key_not_modified_after_tx", key, txId: entry.tx };
      return { keys: [key], condition };
    } catch (error) {
      if (this.#killed && error instanceof ConnectError) return undefined;
      throw error;
    }
  }

  #open({ keys, condition }: Plan): Attempt {
    const distinct = [...new Set(keys)];
    return this.#book.open(this.number, condition, (attempt) =>
      distinct.map((key, i) => ({
        key: key.replace("{attempt}", String(attempt)),
        value: valueFor(attempt, i, this.#length()),
      })),
    );
  }

  #ownKey(): string {
    return `own/${this.number}/${this.#random.below(OWN_KEYS)}`;
  }

  /** New keys and known ones: some transactions fit one record of the log, some need several. */
  #batch(): string[] {
    const size = 2 + this.#random.below(this.#random.chance(0.2) ? 40 : 6);
    return Array.from({ length: size }, (_, i) => (i % 3 === 0 ? this.#ownKey() : `batch/{attempt}/${i}`));
  }

  #newKeys(): string[] {
    return Array.from({ length: BULK_ENTRIES }, (_, i) => (i === 0 ? this.#ownKey() : `bulk/{attempt}/${i}`));
  }

  /** Mostly short; now and then long enough for rows of its own in the log. */
  #length(): number {
    if (this.#bulk) return NAME_LENGTH;
    return NAME_LENGTH + (this.#random.chance(0.02) ? this.#random.below(50_000) : this.#random.below(300));
  }
}

/** The server looked at a precondition and refused. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.code === Code.FailedPrecondition &&
    error.rawMessage.startsWith("precondition failed")
  );
}
