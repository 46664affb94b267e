// The records that are read and written. Keys have 15 bytes: three letters for the set, twelve digits. Values have 100 bytes
// and follow from the key, so that every answer can be checked.
//
//   ten   10,000 keys, ten to a transaction            his   20 keys with 50 revisions each
//   one    1,000 keys, each in one of its own          mib   8 keys with values of 1 MiB
//   big   10,000 keys, 1,000 to a transaction

import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { ImmuService } from "../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../scripts/server-process.ts";
import { utf8 } from "../src/base/bytes.ts";
import { ImmuClient } from "../src/client/client.ts";
import { createNodeTransport } from "../src/client/node.ts";
import type { State } from "../src/proof/model.ts";

export const VALUE_BYTES = 100;
export const LARGE_BYTES: number = 1024 * 1024;
const COUNTS: Counts = { ten: 10_000, one: 1_000, big: 10_000, his: 20, mib: 8 };
const FEW: Counts = { ten: 200, one: 100, big: 1_000, his: 2, mib: 1 };
export const REVISIONS = 50;
export const SORTED_SET: Uint8Array = utf8("zet");
const WRITERS = 16;

/** A server that has been filled, as seen by somebody who is logged in. */
export interface Ground {
  readonly sessionId: string;
  /** After the filling. */
  readonly trusted: State;
  /** How many keys each set has. */
  readonly counts: Counts;
  /** Transactions of the set `ten`, first and last. */
  readonly tens: { readonly first: bigint; readonly last: bigint };
  /** Whether every key of the set `one` is in the sorted set {@link SORTED_SET} too, with its number as its score. */
  readonly hasSortedSet: boolean;
}

export type SetName = "ten" | "one" | "big" | "his" | "mib";
export type Counts = Readonly<Record<SetName, number>>;

export function key(set: string, n: number): Uint8Array {
  return utf8(`${set}${String(n).padStart(12, "0")}`);
}

export function value(set: string, n: number, bytes: number = VALUE_BYTES): Uint8Array {
  return Buffer.alloc(bytes, `${n} of ${set}. `);
}

export type Entry = { readonly key: Uint8Array; readonly value: Uint8Array };

export function entry(set: string, n: number, bytes?: number): Entry {
  return { key: key(set, n), value: value(set, n, bytes) };
}

/** Logs in and writes the records: all, few of them for a run that only has to work, or none. */
export async function prepare(address: string, records: "all" | "few" | "none"): Promise<Ground> {
  const transport = createNodeTransport(address);
  try {
    const client = new ImmuClient(transport, { address });
    await client.openSession(ServerProcess.user, ServerProcess.password);
    const { credentials } = client;
    if (credentials.kind !== "session") throw new Error("no session was opened");
    const counts = records === "all" ? COUNTS : FEW;
    const { sessionId } = credentials;
    const tens = records === "none" ? { first: 0n, last: 0n } : await fill(client, counts);
    const hasSortedSet =
      records !== "none" && (await fillSortedSet(createClient(ImmuService, transport), sessionId, counts));
    return { sessionId, trusted: await client.currentState(), counts, tens, hasSortedSet };
  } finally {
    transport.close();
  }
}

async function fill(client: ImmuClient, counts: Counts): Promise<Ground["tens"]> {
  const write = async (set: SetName, together: number, bytes?: number): Promise<bigint[]> => {
    const ids: bigint[] = [];
    await sharedOut(counts[set] / together, async (group) => {
      const entries = Array.from({ length: together }, (_, i) => entry(set, group * together + i, bytes));
      ids.push((await client.setAll(entries)).id);
    });
    return ids.sort((a, b) => (a < b ? -1 : 1));
  };
  const tens = await write("ten", 10);
  await write("one", 1);
  await write("big", 1000);
  await write("mib", 1, LARGE_BYTES);
  await sharedOut(counts.his, async (n) => {
    for (let revision = 0; revision < REVISIONS; revision++) await client.setAll([entry("his", n)]);
  });
  return { first: tens[0] as bigint, last: tens.at(-1) as bigint };
}

/** false when the server has no sorted sets. */
async function fillSortedSet(rpc: Client<typeof ImmuService>, sessionid: string, counts: Counts): Promise<boolean> {
  try {
    await sharedOut(counts.one, async (n) => {
      await rpc.zAdd({ set: SORTED_SET, score: n, key: key("one", n) }, { headers: { sessionid } });
    });
    return true;
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unimplemented) return false;
    throw error;
  }
}

async function sharedOut(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(WRITERS, count) }, worker));
}

/** Numbers that look random, the same every time (Marsaglia's xorshift32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
