// How fast a replica is: how long it takes for what was written before it came, and whether it keeps up with a primary that is
// written to without pause. Processor time is that of all threads of a process.
//
//   catch up   the primary is filled alone ──▶ the replica is started, empty ──▶ until both are level
//   follow     clients write for some seconds while the replica follows ──▶ how far behind it is then ──▶ until both are level

import { setTimeout as sleep } from "node:timers/promises";
import { cpuMs } from "../../bench/process-usage.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import type { ImmuClient } from "../../src/client/client.ts";
import { Load } from "./load.ts";
import { type Member, makePair, type Pair, startPair, until, untilLevel } from "./pair.ts";

/** What is written before the replica comes. */
export interface Ground {
  readonly transactions: number;
  readonly valueBytes: number;
  readonly writers: number;
}

export interface CatchUp {
  readonly writtenPerSecond: number;
  readonly caughtUpPerSecond: number;
  readonly primaryCpuMsPerTx: number;
  readonly replicaCpuMsPerTx: number;
}

export interface Following {
  readonly acknowledgedPerSecond: number;
  /** Transactions that the replica was behind when the clients stopped. */
  readonly behind: number;
  readonly levelAfterMs: number;
  readonly primaryCpuMsPerTx: number;
  readonly replicaCpuMsPerTx: number;
}

/** Throws when the replica ends with another hash. */
export async function measureCatchUp(ground: Ground, sync: boolean): Promise<CatchUp> {
  await using pair = await makePair(sync);
  const { primary, replica } = pair;
  // A synchronous primary acknowledges nothing while it is alone: it is filled as an ordinary one.
  const flags = primary.flags;
  await primary.start([]);
  const fillMs = await timed(() => fill(primary, ground));
  await primary.stop();
  await primary.start(flags);
  await replica.start();
  const cpu = usage(pair);
  // It begins before it serves.
  const { txId, precommittedTxId } = await replica.state();
  const began = precommittedTxId === 0n ? txId : precommittedTxId;
  const levelMs = await timed(() => untilEqual(pair));
  const used = cpu();
  const transactions = ground.transactions - Number(began);
  return {
    writtenPerSecond: (1000 * ground.transactions) / fillMs,
    caughtUpPerSecond: (1000 * transactions) / levelMs,
    primaryCpuMsPerTx: used.primary / transactions,
    replicaCpuMsPerTx: used.replica / transactions,
  };
}

/** Throws when the replica ends with another hash. */
export async function measureFollowing(seconds: number, writers: number, sync: boolean): Promise<Following> {
  await using pair = await startPair(sync);
  const load = new Load(pair.primary.address, writers);
  // Until all of them have logged in.
  await until(() => load.acknowledged.length >= 4 * writers);
  const cpu = usage(pair);
  const before = load.acknowledged.length;
  await sleep(1000 * seconds);
  const acknowledged = load.acknowledged.length - before;
  const [{ txId: written }, { txId: there }] = await Promise.all([pair.primary.state(), pair.replica.state()]);
  await load.stop();
  const levelAfterMs = await timed(() => untilEqual(pair));
  const used = cpu();
  return {
    acknowledgedPerSecond: acknowledged / seconds,
    behind: Number(written - there),
    levelAfterMs,
    primaryCpuMsPerTx: used.primary / (load.acknowledged.length - before),
    replicaCpuMsPerTx: used.replica / (load.acknowledged.length - before),
  };
}

async function fill(primary: Member, { transactions, valueBytes, writers }: Ground): Promise<void> {
  let next = 0;
  const write = (client: ImmuClient) => async (): Promise<void> => {
    while (next < transactions) {
      const number = next++;
      await client.set(`key-${number}`, new Uint8Array(valueBytes).fill(number % 256));
    }
  };
  await primary.with(async (client) => {
    await Promise.all(Array.from({ length: writers }, write(client)));
  });
}

async function untilEqual(pair: Pair): Promise<void> {
  const [wanted, found] = await untilLevel(pair);
  const same = found.txId === wanted.txId && equalBytes(found.txHash, wanted.txHash);
  if (!same) throw new Error(`the replica is another history than its primary, at transaction ${found.txId}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

/** Counts from now on; the result says how many milliseconds of processor time each has used since. */
function usage({ primary, replica }: Pair): () => { readonly primary: number; readonly replica: number } {
  const now = ({ pid }: Member): number => cpuMs(pid) ?? Number.NaN;
  const before = { primary: now(primary), replica: now(replica) };
  return () => ({ primary: now(primary) - before.primary, replica: now(replica) - before.replica });
}
