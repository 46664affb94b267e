// The tour as a person runs it, on fewer records, and proof that it would notice.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { verifyAll, type Written, writeTransactions } from "../../scripts/tour/load.ts";
import { Progress } from "../../scripts/tour/progress.ts";
import { connectReaders, newMemory } from "../../scripts/tour/reader.ts";
import { collectRecords } from "../../scripts/tour/records.ts";
import type { Summary } from "../../scripts/tour/summary.ts";
import { compareKeys, whoNotices } from "../../scripts/tour/who-notices.ts";
import { startTestServer } from "../support/test-server.ts";

const PROGRAM = join(import.meta.dirname, "../../scripts/tour.ts");
const RECORDS = 1500;

test("the tour stores real records, proves them, and finds one changed byte in exactly the reads that depend on it", async () => {
  const child = spawn(process.execPath, [PROGRAM, "--records", String(RECORDS), "--output", "json"]);
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  const summary = JSON.parse(out) as Summary;
  assert.deepEqual(summary.wrong, [], said);
  assert.equal(code, 0);
  assert.equal(summary.ok, true);
  assert.equal(summary.records, RECORDS);
  assert.equal(summary.written.inTransactions.count + summary.written.alone.count, RECORDS);
  assert.equal(summary.verified.count, RECORDS);
  assert.ok(summary.proofBytes.min > 500 && summary.proofBytes.min < summary.proofBytes.max);
  assert.ok(summary.disk.logBytes > summary.payloadBytes);
  const { noticed, byte } = summary.damage;
  assert.equal(byte.from ^ byte.to, 1);
  assert.equal(noticed.verified, RECORDS - 1);
  for (const read of ["get", "getAll", "scan", "history", "verifiableGet"]) {
    assert.ok(
      noticed.refused.some((refused) => refused.read === read),
      read,
    );
  }
  assert.doesNotMatch(said, /\r/, "a bar is for terminals only");
});

test("the tour is wrong about nothing: an undamaged record and a changed one are reported", async () => {
  await using server = await startTestServer();
  const records = await collectRecords(20, 20, () => {});
  const memory = newMemory(2);
  await using readers = await connectReaders(`${server.host}:${server.port}`, server.user, server.password, memory);
  const client = readers.clients[0];
  assert.ok(client !== undefined);
  const progress = new Progress("a few records");
  const first = await writeTransactions(client, records, 7, progress);
  const [chosen] = records;
  assert.ok(chosen !== undefined);
  const [again] = await writeTransactions(client, [{ key: chosen.key, value: chosen.secondValue }], 1, progress);
  const victim: Written = { ...(again as Written), firstValue: chosen.value };
  const others = first.filter(({ key }) => key !== chosen.key).sort((a, b) => compareKeys(a.key, b.key));

  const { refused, wrong } = await whoNotices(readers.clients, victim, others, progress);
  assert.deepEqual(refused, []);
  assert.equal(wrong.length, 8, "one for every way to read");
  assert.ok(wrong.every((each) => each.endsWith("should say that it is damaged; it answers")));

  const lie = others.map((each, i) => (i === 3 ? { ...each, value: "something else" } : each));
  const found = await whoNotices(readers.clients, victim, lie, progress);
  const about = found.wrong.slice(8);
  assert.deepEqual(about.length, 2, "in the scan and in the proven read");
  assert.ok(about.every((each) => each.includes(lie[3]?.key ?? "")));
  assert.match(
    (await verifyAll(readers.clients, [{ ...victim, key: "never written" }], progress))[0] ?? "",
    /not found/,
  );
});
