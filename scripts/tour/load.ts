// Writing the records of the tour, and reading them back with proof.

import { utf8ToString } from "../../src/base/bytes.ts";
import type { ImmuClient } from "../../src/client/client.ts";
import { concurrently } from "../concurrently.ts";
import type { Progress } from "./progress.ts";
import type { Pair } from "./records.ts";

/** A record, and the transaction that its writer was told. */
export interface Written extends Pair {
  readonly txId: bigint;
  /** Its value before it was recorded a second time. */
  readonly firstValue?: string;
}

const WRITES_AT_ONCE = 32;

/** Writes in transactions of `entries` each, some at once. */
export async function writeTransactions(
  client: ImmuClient,
  pairs: readonly Pair[],
  entries: number,
  progress: Progress,
): Promise<Written[]> {
  const written: Written[] = [];
  const groups = Array.from({ length: Math.ceil(pairs.length / entries) }, (_, i) =>
    pairs.slice(i * entries, (i + 1) * entries),
  );
  await concurrently(groups, WRITES_AT_ONCE, async (group) => {
    const { id } = await client.setAll(group);
    for (const pair of group) written.push({ ...pair, txId: id });
    progress.add(group.length);
  });
  return written;
}

/** Reads every record with proof, all readers at once. Returns what is wrong, one sentence each. */
export async function verifyAll(
  clients: readonly ImmuClient[],
  records: readonly Written[],
  progress: Progress,
): Promise<string[]> {
  const wrong: string[] = [];
  await concurrently(records, clients.length, async ({ key, value, txId }, reader) => {
    try {
      const { entry } = await (clients[reader] as ImmuClient).verifiedGet(key);
      if (utf8ToString(entry.value) !== value) wrong.push(`${key} has another value`);
      if (entry.tx !== txId) wrong.push(`${key} is from transaction ${entry.tx}, not ${txId}`);
    } catch (error) {
      wrong.push(`${key} cannot be verified: ${(error as Error).message}`);
    }
    progress.add();
  });
  return wrong;
}
