import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { LOG_TABLE, txIdOfKey, txRangeStart } from "../../src/store/layout.ts";
import { isDelicate, type RoundReport, runRounds } from "./rounds.ts";

const LOAD_MS = 600;

test("a server that is killed five times keeps what it acknowledged, and nothing by half", async (t) => {
  const onRound = ({ round, kills, judgement }: RoundReport): void =>
    t.diagnostic(
      `round ${round}: ${judgement.acknowledged} acknowledged, killed ${kills.map((kill) => kill.moment).join(", ")}`,
    );
  const reports = await runRounds({ rounds: 5, seed: 20, loadMs: LOAD_MS, onRound });
  assert.equal(reports.length, 5);
  assert.deepEqual(
    reports.flatMap(({ findings }) => findings),
    [],
  );
  assert.ok(reports.reduce((sum, { judgement }) => sum + judgement.acknowledged, 0) > 50, "clients wrote something");
  assert.ok(reports.some(({ kills }) => kills.some(({ moment }) => moment === "during start")));
  assert.ok(reports.some(({ kills }) => kills.some(({ moment }) => moment === "commit under way")));
  const kills = reports.flatMap((report) => report.kills);
  assert.ok(kills.some(({ moment }) => ["open", "index batch", "truncation", "verify"].includes(moment)));
  assert.ok(kills.filter(isDelicate).length >= 0.3 * kills.length, "kills fall into openings and index batches, too");
  assert.ok(
    reports.every(({ statesProven }) => statesProven === 8),
    "each client's state is proven in each round",
  );
});

test("a server that lost acknowledged transactions is found out", async () => {
  const [report] = await runRounds({ rounds: 1, seed: 3, loadMs: LOAD_MS, sabotage: forgetLastTransactions });
  assert.match(report?.findings.join("\n") ?? "", /attempt \d+, acknowledged as \d+, is lost/);
  const left = report?.directory as string;
  for (const directory of [left, `${left}-store`]) await rm(directory, { recursive: true, force: true });
});

/** More transactions than there are clients, so that acknowledged ones are among them. */
async function forgetLastTransactions(directory: string): Promise<void> {
  const engine = await lmdbDriver.open(join(directory, "defaultdb", "log"), { durable: true });
  const log = engine.table(LOG_TABLE);
  const [last] = [...log.range({ reverse: true, limit: 1 })];
  assert.ok(last !== undefined, "something was written");
  const forgotten = [...log.range({ from: txRangeStart(txIdOfKey(last.key) - 19n) })].map(({ key }) => key);
  await engine.write((batch) => {
    for (const key of forgotten) batch.remove(log, key);
  });
  await engine.close();
}
