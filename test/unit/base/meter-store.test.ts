import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MeterStore } from "../../../src/base/meter-store.ts";
import { Histogram } from "../../../src/base/metrics.ts";

describe("a meter that keeps what it is told", () => {
  test("counts up, keeps the last value of a gauge, and sorts observations", () => {
    const meter = new MeterStore();
    meter.count("immudb_ts_http2_connections_failed_total", 1, { code: "A" });
    meter.count("immudb_ts_http2_connections_failed_total", 2, { code: "A" });
    meter.count("immudb_ts_http2_connections_failed_total", undefined, { code: "B" });
    meter.gauge("immudb_ts_databases_open", 3);
    meter.gauge("immudb_ts_databases_open", 2);
    meter.observe("immudb_ts_database_open_seconds", 0.003);
    const byName = new Map(meter.families().map((family) => [family.name, family]));
    assert.deepEqual(byName.get("immudb_ts_http2_connections_failed_total")?.samples, [
      { labels: { code: "A" }, value: 3 },
      { labels: { code: "B" }, value: 1 },
    ]);
    assert.deepEqual(byName.get("immudb_ts_databases_open")?.samples, [{ labels: {}, value: 2 }]);
    const [observed] = byName.get("immudb_ts_database_open_seconds")?.samples ?? [];
    assert.ok(observed?.value instanceof Histogram);
    assert.equal(observed.value.count, 1);
  });

  test("says nothing of what it was never told", () => {
    assert.deepEqual(new MeterStore().families(), []);
  });

  test("keeps so many series of a metric apart and puts the rest into one", () => {
    const meter = new MeterStore(3);
    for (let i = 0; i < 10; i++) meter.gauge("immudb_number_of_stored_entries", i, { db: `db${i}` });
    for (let i = 0; i < 10; i++) meter.count("immudb_ts_http2_connections_failed_total", 1, { code: `T${i}` });
    const [gauges, counters] = meter.families();
    assert.deepEqual(
      gauges?.samples.map(({ labels }) => labels["db"]),
      ["db0", "db1", "db2", "overflow"],
    );
    assert.deepEqual(counters?.samples.at(-1), { labels: { code: "overflow" }, value: 7 });
  });
});

describe("a histogram", () => {
  test("puts a value into the first bucket whose bound it does not exceed, and what exceeds all into the last", () => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of [0.5, 1, 1.5, 2, 5, 5.1, 100]) histogram.observe(value);
    assert.deepEqual([...histogram.counts], [2, 2, 1, 2]);
    assert.equal(histogram.count, 7);
    assert.equal(histogram.sum, 115.1);
  });
});
