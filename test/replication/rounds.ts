// What the replication run does to two real servers.
//
//   catch up      clients write to the primary ──▶ the replica is killed and started again, now and then while it starts ──▶
//                 when the clients have stopped, both end with the same transaction and the same hash
//   primary dies  clients write to a synchronous primary ──▶ it is killed, and never asked again ──▶ the replica is started as
//                 a primary: it has every write that was acknowledged, with the transaction that was promised

import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes, utf8ToString } from "../../src/base/bytes.ts";
import { refusalOf } from "../../src/client/refusals.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { type Acknowledged, Load } from "./load.ts";
import { type Member, startPair, until, untilLevel } from "./pair.ts";

export interface RoundOptions {
  readonly seed: number;
  /** Writes that are acknowledged before it is over. */
  readonly writes: number;
  readonly writers: number;
  /** How often the replica is killed meanwhile. */
  readonly kills: number;
}

export interface RoundReport {
  readonly acknowledged: number;
  readonly transactions: bigint;
  /** None: the round has passed. */
  readonly findings: readonly string[];
}

const DURING_START_CHANCE = 0.3;
const STARTING_MS = 250;

/** The replica is killed under load, and catches up. */
export async function catchUp({ seed, writes, writers, kills }: RoundOptions, sync: boolean): Promise<RoundReport> {
  const random = new SeededRandom(seed);
  await using pair = await startPair(sync);
  const { primary, replica } = pair;
  const load = new Load(primary.address, writers);
  for (let kill = 0; kill < kills; kill++) {
    await acknowledges(load, 1 + random.below(Math.ceil(writes / (kills + 1))));
    await replica.kill();
    if (random.below(1000) < DURING_START_CHANCE * 1000) {
      const starting = replica.begin();
      await sleep(random.below(STARTING_MS));
      await starting.kill();
    }
    await replica.start();
  }
  await acknowledges(load, writes - load.acknowledged.length);
  await load.stop();
  const [wanted, found] = await untilLevel(pair);
  const findings: string[] = [];
  if (found.txId !== wanted.txId || !equalBytes(found.txHash, wanted.txHash)) {
    findings.push(`the primary ends with transaction ${wanted.txId}, the replica with ${found.txId} or another hash`);
  }
  findings.push(...(await missing(replica, load.acknowledged)), ...(await writable(replica)));
  return { acknowledged: load.acknowledged.length, transactions: wanted.txId, findings };
}

/** The primary of a synchronous replica is killed, and the replica takes its place. */
export async function primaryDies({ seed, writes, writers }: RoundOptions): Promise<RoundReport> {
  const random = new SeededRandom(seed);
  await using pair = await startPair(true);
  const { primary, replica } = pair;
  const load = new Load(primary.address, writers);
  await acknowledges(load, Math.ceil(writes / 2) + random.below(Math.ceil(writes / 2)));
  await primary.kill();
  await load.stop();
  await replica.kill();
  await replica.start([]);
  const { txId } = await replica.state();
  const findings = await missing(replica, load.acknowledged);
  const { id } = await replica.with((client) => client.set("after", "the replica is a primary now"));
  if (id !== txId + 1n) findings.push(`the first write of the new primary is transaction ${id}, after ${txId}`);
  return { acknowledged: load.acknowledged.length, transactions: txId, findings };
}

/** Waits until so many more writes have been acknowledged. */
function acknowledges(load: Load, more: number): Promise<void> {
  const enough = load.acknowledged.length + more;
  return until(() => load.acknowledged.length >= enough);
}

/** Acknowledged writes that are not there, or are not what was promised. */
function missing(member: Member, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  return member.with(async (client) => {
    const findings: string[] = [];
    for (const { key, value, txId } of acknowledged) {
      const entry = await client.get(key).catch(() => undefined);
      if (entry === undefined) findings.push(`${key}, acknowledged as transaction ${txId}, is lost`);
      else if (entry.tx !== txId || utf8ToString(entry.value) !== value)
        findings.push(`${key} is not what was written`);
    }
    return findings;
  });
}

async function writable(replica: Member): Promise<string[]> {
  const refused = await replica.with((client) =>
    client.set("k", "v").then(
      () => "it was taken",
      (error: unknown) =>
        refusalOf(error) === undefined ? String(error) : (error as { rawMessage: string }).rawMessage,
    ),
  );
  return refused === "database is read-only because it's a replica" ? [] : [`a write to the replica: ${refused}`];
}
