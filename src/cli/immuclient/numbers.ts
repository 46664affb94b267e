// Numbers as a command line gives them. Each throws InvalidArgumentError, which commander reports with the name of the argument.

import { InvalidArgumentError } from "commander";

/** How many, 0 and more. */
export function parseCount(text: string): bigint {
  if (!/^[0-9]{1,18}$/.test(text)) throw new InvalidArgumentError("a whole number, 0 or more.");
  return BigInt(text);
}

/** The number of a transaction. */
export function parseTxId(text: string): bigint {
  const id = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : 0n;
  if (id === 0n || id >= 1n << 64n) throw new InvalidArgumentError("a transaction's number is 1 or more.");
  return id;
}

/** A score of a sorted set. */
export function parseScore(text: string): number {
  const score = Number(text);
  if (text.trim() === "" || !Number.isFinite(score)) throw new InvalidArgumentError("a score is a number.");
  return score;
}
