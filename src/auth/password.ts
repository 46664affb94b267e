// Passwords, as scrypt hashes (RFC 7914) with their own parameters stored beside them, so that the cost can be raised
// without forgetting anybody's password. Checking a user who does not exist costs what checking one who does costs.
//
// scrypt runs on Node's thread pool, where storage works too: at most CHECKS_AT_ONCE run, a bounded number wait, and
// more are refused rather than let a flood of logins hold up commits.

import { scrypt, timingSafeEqual } from "node:crypto";
import { PASSWORD_CHECKS_WAITING_MAX, PASSWORD_LENGTH_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { AuthError } from "./errors.ts";

/** What one hash costs: memory is 128 · N · r bytes, time grows with N · r · p. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and some 50 ms on a small machine. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { N: 2 ** 15, r: 8, p: 1 };

export interface PasswordHash extends ScryptCost {
  readonly algorithm: "scrypt";
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** From a password to its hash of `length` bytes. */
export type KeyDerivation = (
  password: Uint8Array,
  salt: Uint8Array,
  length: number,
  cost: ScryptCost,
) => Promise<Uint8Array>;

const scryptKey: KeyDerivation = (password, salt, length, { N, r, p }) =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, length, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const CHECKS_AT_ONCE = 2;

export class PasswordHasher {
  readonly #random: Random;
  readonly #cost: ScryptCost;
  readonly #derivation: KeyDerivation;
  /** Compared with when there is no user: no password has it, since its salt and hash are drawn independently. */
  readonly #nobody: PasswordHash;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `derivation`: what a simulation replaces, since a thread pool follows no seed. */
  constructor(random: Random, cost: ScryptCost = DEFAULT_SCRYPT_COST, derivation: KeyDerivation = scryptKey) {
    this.#random = random;
    this.#cost = cost;
    this.#derivation = derivation;
    this.#nobody = { algorithm: "scrypt", ...cost, salt: random.bytes(SALT_BYTES), hash: random.bytes(HASH_BYTES) };
  }

  /** Throws AuthError `password_empty`, `password_too_long` or `overloaded`. */
  async hash(password: Uint8Array): Promise<PasswordHash> {
    if (password.length === 0) throw new AuthError("password_empty", "password is empty");
    if (password.length > PASSWORD_LENGTH_MAX) {
      const limit = PASSWORD_LENGTH_MAX;
      throw new AuthError("password_too_long", `password is longer than ${limit} bytes`, { limit });
    }
    const salt = this.#random.bytes(SALT_BYTES);
    return { algorithm: "scrypt", ...this.#cost, salt, hash: await this.#derive(password, salt, this.#cost) };
  }

  /** Whether the password is the one of `stored`; false, after the same work, when nothing is stored. */
  async matches(password: Uint8Array, stored: PasswordHash | undefined): Promise<boolean> {
    const against = stored ?? this.#nobody;
    // Nobody can have set a longer password; cutting it keeps the work bounded and the answer false.
    const derived = await this.#derive(password.subarray(0, PASSWORD_LENGTH_MAX), against.salt, against);
    const same = timingSafeEqual(derived, against.hash);
    return same && stored !== undefined && password.length <= PASSWORD_LENGTH_MAX;
  }

  async #derive(password: Uint8Array, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
    await this.#enter();
    try {
      return await this.#derivation(password, salt, HASH_BYTES, cost);
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < CHECKS_AT_ONCE) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= PASSWORD_CHECKS_WAITING_MAX) {
      throw new AuthError("overloaded", "too many logins at once", { limit: PASSWORD_CHECKS_WAITING_MAX });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Passes the place on to the next one waiting. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
