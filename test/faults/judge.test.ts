// The judge of the faults, judged: a store that keeps its word passes, one that does not is found out.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Engine } from "../../src/store/engine.ts";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { LATEST_TABLE, LOG_TABLE, txIdOfKey, txRangeStart } from "../../src/store/layout.ts";
import { type Judged, judgeStore } from "../support/store-judge.ts";
import { StoreRun } from "../support/store-run.ts";
import type { Report } from "../support/store-writer.ts";

interface Case {
  /** Does something to what the writer left. */
  readonly damage?: { readonly environment: "log" | "index"; readonly how: (engine: Engine) => Promise<void> };
  /** Something else than the writer said. */
  readonly lie?: (reports: readonly Report[]) => readonly Report[];
  readonly findings: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  "keeps its word": { findings: /^$/ },
  "lost its last transaction": {
    damage: { environment: "log", how: forgetLast },
    findings: /attempt 9 was acknowledged, and is lost/,
  },
  "does not find a key by its index": {
    damage: { environment: "index", how: forgetKey },
    findings: /the index has \d+ keys, the log \d+/,
  },
  "refused what it stored": {
    lie: (reports) => [...reports, { say: "failed", attempt: 5, code: "write_failed" }],
    findings: /attempt 5 was refused, and is transaction 5/,
  },
  "promised another hash": {
    lie: (reports) => [...reports, { say: "acknowledged", attempt: 5, tx: "5", alh: "00" }],
    findings: /attempt 5 was acknowledged, and transaction 5 is another now/,
  },
  "holds what nobody wrote": {
    lie: (reports) => reports.filter((report) => !("attempt" in report && report.attempt === 9)),
    findings: /transaction 9 was written by nobody/,
  },
};

describe("the judge of the faults", () => {
  for (const [name, { damage, lie = (reports: readonly Report[]) => reports, findings }] of Object.entries(CASES)) {
    test(`of a store that ${name}`, async () => {
      const directory = await mkdtemp(join(tmpdir(), "judge-"));
      try {
        const place = { directory, valuesInSegments: false, valueBytes: 100 };
        const run = new StoreRun({ ...place, script: "tour", first: 1 });
        assert.equal(await run.ended, "exit code 0", run.errors);
        if (damage !== undefined) await changed(join(directory, damage.environment), damage.how);
        const judged: Judged = await judgeStore(place, lie(run.reports));
        assert.match(judged.findings.join("\n"), findings);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  }
});

async function changed(environment: string, how: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await lmdbDriver.open(environment, { durable: true });
  await how(engine);
  await engine.close();
}

async function forgetLast(engine: Engine): Promise<void> {
  const log = engine.table(LOG_TABLE);
  const [last] = [...log.range({ reverse: true, limit: 1 })];
  assert.ok(last !== undefined);
  const keys = [...log.range({ from: txRangeStart(txIdOfKey(last.key)) })].map(({ key }) => key);
  await engine.write((batch) => {
    for (const key of keys) batch.remove(log, key);
  });
}

async function forgetKey(engine: Engine): Promise<void> {
  const latest = engine.table(LATEST_TABLE);
  const [first] = [...latest.range({ limit: 1 })];
  assert.ok(first !== undefined);
  await engine.write((batch) => batch.remove(latest, first.key));
}
