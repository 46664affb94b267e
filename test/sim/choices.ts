// What a client does next, by chance: few keys, so that clients meet on them; mostly small values and now and then one that
// needs rows of its own; questions of every kind, also odd ones.

import type { SeededRandom } from "../support/seeded-random.ts";
import { type Condition, valueFor, type Write } from "./ledger.ts";
import type { Question } from "./reference.ts";

const GROUPS = ["a", "b", "ba"];
const KEYS_OF_GROUP = 6;
const LONGEST_EXPIRY_SECONDS = 86_400;

export class Choices {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  chance(probability: number): boolean {
    return this.#random.chance(probability);
  }

  /** One of `items` by weight. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let at = this.#random.below(items.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, item] of items) {
      if (at < weight) return item;
      at -= weight;
    }
    throw new Error("nothing to choose from");
  }

  one<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T;
  }

  /** A number from 1 to `last`. */
  upTo(last: number): number {
    return 1 + this.#random.below(last);
  }

  key(): string {
    return `${this.one(GROUPS)}/${this.#random.below(KEYS_OF_GROUP)}`;
  }

  /** 1 to `most` different keys. */
  keys(most: number): string[] {
    const count = this.upTo(most);
    const keys = new Set<string>();
    while (keys.size < count) keys.add(this.key());
    return [...keys];
  }

  /** Entries of a set, each naming `attempt`. */
  writes(attempt: number, now: bigint): Write[] {
    const keys = this.keys(this.chance(0.7) ? 1 : 12);
    return keys.map((key, i) => ({
      key,
      value: valueFor(
        attempt,
        i,
        this.weighted([
          [90, 12],
          [8, 400],
          [2, 3000],
        ]),
      ),
      deleted: false,
      expiresAt: this.chance(0.1) ? now + BigInt(this.#random.below(LONGEST_EXPIRY_SECONDS)) : undefined,
      nonIndexable: this.chance(0.05),
    }));
  }

  condition(floor: bigint): Condition {
    const key = this.key();
    const kind = this.weighted([
      [2, "must_exist"],
      [2, "must_not_exist"],
      [1, "not_modified_after"],
    ] as const);
    return kind === "not_modified_after" ? { kind, key, txId: 1n + this.#pastTx(floor) } : { kind, key };
  }

  question(floor: bigint): Question {
    const kind = this.weighted([
      [5, "get"],
      [1, "getAll"],
      [2, "scan"],
      [2, "history"],
      [1, "count"],
    ] as const);
    const group = this.one(["", ...GROUPS]);
    switch (kind) {
      case "get": {
        const question = { kind, key: this.key(), atTx: 0n, atRevision: 0n, sinceTx: 0n };
        const aim = this.weighted([
          [6, "latest"],
          [1, "atTx"],
          [1, "atRevision"],
          [1, "sinceTx"],
        ] as const);
        if (aim === "atRevision") return { ...question, atRevision: BigInt(this.#random.below(9) - 4) };
        return aim === "latest" ? question : { ...question, [aim]: 1n + this.#pastTx(floor) };
      }
      case "getAll":
        return { kind, keys: this.keys(5) };
      case "scan": {
        const bound = (): string => (this.chance(0.7) ? "" : this.key());
        return {
          kind,
          prefix: group,
          seekKey: bound(),
          endKey: bound(),
          inclusiveSeek: this.chance(0.5),
          inclusiveEnd: this.chance(0.5),
          desc: this.chance(0.5),
          offset: this.chance(0.7) ? 0 : this.#random.below(4),
          limit: this.chance(0.7) ? 0 : this.upTo(4),
        };
      }
      case "history":
        return {
          kind,
          key: this.key(),
          offset: this.chance(0.7) ? 0 : this.#random.below(3),
          limit: this.chance(0.7) ? 0 : this.upTo(3),
          desc: this.chance(0.5),
        };
      case "count":
        return { kind, prefix: group };
    }
  }

  /** A transaction that may have been seen, or the next one. */
  #pastTx(floor: bigint): bigint {
    return BigInt(this.#random.below(Number(floor) + 1));
  }
}
