import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runStreams } from "./run.ts";

const MIB = 1024 * 1024;

describe("values of 32 MiB as streams, many at once", {
  skip: process.platform !== "linux" && "memory is read from /proc",
}, () => {
  test("cost the server the same memory, however many there are and however slowly one is read", async (t) => {
    const plan = { clients: 10, transport: "own", seconds: 1, slowBytesPerSecond: 64 * 1024, oneChunk: false } as const;
    const report = await runStreams(plan);
    assert.deepEqual(report.findings, []);
    assert.ok(report.written >= plan.clients && report.read === report.written, `${report.read} of ${report.written}`);
    assert.ok(report.slowly > 0 && !report.slowlyWhole, `${report.slowly} bytes were read slowly`);
    t.diagnostic(`${report.written} values: memory grew by ${Math.round(report.grown / MIB)} MiB`);
    assert.ok(report.grown < 200 * MIB, `memory grew by ${report.grown} bytes`);
  });
});
