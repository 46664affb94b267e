import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetrics } from "../../../src/cli/immuadmin/stats/metrics-text.ts";

test("samples are read with their labels, whatever is in these; all else is passed over", () => {
  const text = `# HELP a what it is
# TYPE a gauge
a 1
b_total{ip="::1",op="/x.Y/Z"} 2.5e3 1700000000
c{text="a \\"quoted\\", {odd}\\\\ one\\nmore"} +Inf
d NaN
not a sample

{x="y"} 1`;
  assert.deepEqual(parseMetrics(text), [
    { name: "a", labels: {}, value: 1 },
    { name: "b_total", labels: { ip: "::1", op: "/x.Y/Z" }, value: 2500 },
    { name: "c", labels: { text: 'a "quoted", {odd}\\ one\nmore' }, value: Number.POSITIVE_INFINITY },
    { name: "d", labels: {}, value: Number.NaN },
  ]);
});
