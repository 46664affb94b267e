import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { telemetrySettings } from "../../../src/server/telemetry-settings.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

function read(environment: Readonly<Record<string, string>>) {
  const warnings: string[] = [];
  return { settings: telemetrySettings(environment, (sentence) => warnings.push(sentence)), warnings };
}

describe("what the environment says of OpenTelemetry", () => {
  test("is nothing unless somebody asks for it", () => {
    for (const environment of [{}, { OTEL_SERVICE_NAME: "x" }, { ...ENDPOINT, OTEL_SDK_DISABLED: "true" }]) {
      assert.equal(read(environment).settings, undefined);
    }
    const none = { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" };
    assert.equal(read(none).settings, undefined);
  });

  test("is everything with an endpoint, and one signal with its own endpoint or exporter", () => {
    const { settings } = read(ENDPOINT);
    assert.deepEqual(settings?.traces?.sampler, { parentBased: true, ratio: 1 });
    assert.deepEqual(settings?.metrics, { everyMs: 60_000 });
    const traces = read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" }).settings;
    assert.ok(traces?.traces !== undefined && traces.metrics === undefined);
    const metrics = read({ OTEL_METRICS_EXPORTER: "otlp", OTEL_METRIC_EXPORT_INTERVAL: "1000" }).settings;
    assert.deepEqual(metrics, { traces: undefined, metrics: { everyMs: 1000 } });
  });

  for (const [name, argument, expected] of [
    ["always_on", "", { parentBased: false, ratio: 1 }],
    ["always_off", "", { parentBased: false, ratio: 0 }],
    ["traceidratio", "0.25", { parentBased: false, ratio: 0.25 }],
    ["parentbased_traceidratio", "0.5", { parentBased: true, ratio: 0.5 }],
    ["parentbased_always_off", "0.5", { parentBased: true, ratio: 0 }],
  ] as const) {
    test(`samples by ${name} ${argument}`, () => {
      const environment = { ...ENDPOINT, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument };
      assert.deepEqual(read(environment).settings?.traces?.sampler, expected);
    });
  }

  test("is told of by name where it is not taken", () => {
    for (const [environment, name] of [
      [{ OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER"],
      [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL"],
      [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"],
      [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: "xray" }, "OTEL_TRACES_SAMPLER"],
      [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "7" }, "OTEL_TRACES_SAMPLER_ARG"],
      [{ ...ENDPOINT, OTEL_BSP_MAX_QUEUE_SIZE: "-1" }, "OTEL_BSP_MAX_QUEUE_SIZE"],
    ] as const) {
      assert.match(read(environment).warnings[0] ?? "", new RegExp(`^${name} `));
    }
  });
});
