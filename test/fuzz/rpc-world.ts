// What the fuzzer knows of the server that it talks to: names and numbers that mean something there, so that requests get
// past the first check, and beside them those at the edge of what their type can say.

import type { DescField } from "@bufbuild/protobuf";
import { plainKey, sortedSetKey } from "../../src/proof/keys.ts";
import type { SeededRandom } from "../support/seeded-random.ts";

const encoder = new TextEncoder();
const MAX_UINT64 = (1n << 64n) - 1n;
const MAX_INT64 = (1n << 63n) - 1n;

const KEYS = ["a", "b", "c", "ab", "abc", "ref", "", "\u0000", "ÿ", "k".repeat(1023), "k".repeat(1024)];
const DATABASES = [
  "defaultdb",
  "systemdb",
  "fuzz0",
  "fuzz1",
  "fuzz2",
  "FUZZ0",
  "",
  "no such",
  "a".repeat(129),
  "x-y",
  "é",
];
const USERS = ["immudb", "reader", "writer", "owner", "", "no such!", "u".repeat(64), "ü"];
const PASSWORDS = ["", "x", "reader", "Passw0rd!x", "p".repeat(73), "\u0000"];
const DOUBLES = [
  0,
  -0,
  1,
  -1,
  1.5,
  5e-324,
  Number.MAX_VALUE,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

export class World {
  readonly random: SeededRandom;
  /** Half of the conversations: most of what is asked makes sense, so that calls get far. */
  readonly #isMild: boolean;
  /** The last transaction seen in the selected database. */
  txId = 0n;
  /** Transactions as they were exported. */
  readonly exported: Uint8Array[] = [];

  constructor(random: SeededRandom) {
    this.random = random;
    this.#isMild = random.chance(0.5);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.random.below(values.length)] as T;
  }

  bytesOf(field: DescField): Uint8Array {
    const { random } = this;
    if (random.chance(this.#isMild ? 0.005 : 0.06)) return random.bytes(random.below(40));
    if (random.chance(0.005)) return new Uint8Array(random.below(300_000));
    switch (field.name) {
      case "user":
      case "username":
        return encoder.encode(this.pick(USERS));
      case "password":
      case "oldPassword":
      case "newPassword":
        return encoder.encode(this.pick(PASSWORDS));
      case "value":
        return random.bytes(random.below(20));
      case "committedAlh":
      case "precommittedAlh":
      case "txHash":
        return random.chance(0.8) ? new Uint8Array(32) : random.bytes(random.below(40));
      default:
        return encoder.encode(this.pick(this.#isMild || random.chance(0.8) ? KEYS.slice(0, 6) : KEYS));
    }
  }

  textOf(field: DescField): string {
    const { random } = this;
    if (random.chance(0.03)) return "é\u0000\ud83d\ude00%".repeat(random.below(200));
    if (/database|^name$/i.test(field.name)) return this.pick(random.chance(0.7) ? DATABASES.slice(0, 5) : DATABASES);
    if (/user/i.test(field.name)) return this.pick(USERS);
    if (field.name === "sql")
      return this.pick(["", "SELECT 1", "CREATE TABLE t(id INTEGER, PRIMARY KEY id)", ";;", "("]);
    if (/host/i.test(field.name)) return this.pick(["", "127.0.0.1", "no such host", "::1"]);
    if (field.name === "service" || field.name.includes("symbol") || field.name.includes("file")) {
      return this.pick(["", "immudb.schema.ImmuService", "schema.proto", "no.such"]);
    }
    return this.pick(["", "x", "SELECT", "INSERT", "\n", "0"]);
  }

  bigintOf(field: DescField, signed: boolean): bigint {
    const { random } = this;
    if (random.chance(this.#isMild ? 0.01 : 0.05))
      return this.pick(signed ? [-1n, -MAX_INT64 - 1n, MAX_INT64, -2n] : [MAX_UINT64, MAX_INT64]);
    if (/^(limit|offset)$/.test(field.name)) return this.pick([0n, 0n, 1n, 2n, 2500n, 2501n]);
    if (field.name === "expiresAt") return this.pick([0n, 1000n, 32503680000n, BigInt(Math.floor(Date.now() / 1000))]);
    if (field.name === "retentionPeriod") return this.pick([0n, 1n, 86_400_000n, 90_000_000n]);
    // Most numbers of 64 bits are conditions that may stay away.
    if (this.#isMild && random.chance(0.8)) return 0n;
    return this.pick([0n, 0n, 0n, 0n, 1n, 2n, this.txId, this.txId, this.txId + 1n, 99n]);
  }

  numberOf(field: DescField, signed: boolean): number {
    const { random } = this;
    if (random.chance(this.#isMild ? 0.02 : 0.1))
      return this.pick(signed ? [-1, -(2 ** 31), 2 ** 31 - 1] : [2 ** 32 - 1, 2 ** 31]);
    if (field.name === "permission") return this.pick([0, 1, 2, 7, 254, 255, 256]);
    return this.pick([0, 0, 1, 2, 3, 64, 100, 1000, 2500, 2501, 4096]);
  }

  double(): number {
    return this.pick(DOUBLES);
  }

  /** How many members a repeated field has. */
  members(): number {
    const { random } = this;
    if (random.chance(0.01)) return 1000 + random.below(1500);
    return this.pick([0, 1, 1, 1, 2, 2, 3, 5]);
  }

  /** A piece of what streams carry: frames, whole or cut, an exported transaction, or anything. */
  content(): Uint8Array {
    const { random } = this;
    if (random.chance(0.1)) return random.bytes(random.below(60));
    if (this.exported.length > 0 && random.chance(0.3)) return this.#frame(this.#mutatedExport());
    const frames = Array.from({ length: random.below(6) }, () => this.#frame(this.#framed()));
    const all = Buffer.concat(frames);
    return random.chance(0.2) ? all.subarray(0, random.below(all.length + 1)) : all;
  }

  #framed(): Uint8Array {
    const { random } = this;
    return this.pick<() => Uint8Array>([
      () => Uint8Array.of(this.pick([1, 1, 2, 4, 9])),
      () => encoder.encode(this.pick(KEYS.slice(0, 6))),
      () => random.bytes(random.below(30)),
      () => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, this.pick([0, 1, Number(this.txId % 256n), 99])),
      () => plainKey(encoder.encode("a")),
      () => sortedSetKey(encoder.encode("z"), this.double(), encoder.encode("a"), 0n),
      () => new Uint8Array(random.below(100_000)),
    ])();
  }

  #frame(payload: Uint8Array): Uint8Array {
    const { random } = this;
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(
      random.chance(0.03) ? this.pick([MAX_UINT64, 1n << 40n, 0n, 33_554_433n]) : BigInt(payload.length),
    );
    return Buffer.concat([length, payload]);
  }

  #mutatedExport(): Uint8Array {
    const { random } = this;
    const exported = Uint8Array.from(this.pick(this.exported));
    for (let flips = random.below(3); flips > 0 && exported.length > 0; flips--) {
      exported[random.below(exported.length)] = random.below(256);
    }
    return random.chance(0.1) ? exported.subarray(0, random.below(exported.length + 1)) : exported;
  }
}
