// A piece of work that is always the same: on a machine that others keep busy too, shared caches and interrupted turns make
// every processor second do less, and this says how much less.

import { nodeSha256 } from "../src/server/node-sha256.ts";

const ROUNDS = 10_000;
const DATA: Uint8Array = Buffer.alloc(65, 1);

/** Processor time of one SHA-256 of 65 bytes, in microseconds. */
export function hashUs(): number {
  const before = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) nodeSha256(DATA);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ROUNDS;
}
