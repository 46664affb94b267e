import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_DATABASE_SETTINGS } from "../../../src/database/settings.ts";
import { readConfig } from "../../../src/server/config.ts";
import { parseDurationMs } from "../../../src/server/duration.ts";
import { StartError } from "../../../src/server/errors.ts";
import { environmentName } from "../../../src/server/flag.ts";
import { ALL_FLAGS } from "../../../src/server/flags.ts";

const read = (given: Record<string, string | true> = {}, environment: Record<string, string> = {}) =>
  readConfig(new Map(Object.entries(given)), environment);

function refusal(given: Record<string, string | true>, environment: Record<string, string> = {}): StartError {
  try {
    read(given, environment);
  } catch (error) {
    assert.ok(error instanceof StartError);
    return error;
  }
  assert.fail("the configuration was accepted");
}

describe("server configuration", () => {
  test("without flags and environment everything has the documented default", () => {
    const { config, warnings } = read();
    assert.deepEqual(warnings, []);
    assert.deepEqual(config, {
      address: "0.0.0.0",
      port: 3322,
      transport: "own",
      directory: "./data",
      messageBytesMax: 33_554_432,
      inflightBytesMax: 268_435_456,
      diskLowWatermarkBytes: 67_108_864,
      activeDatabasesMax: 100,
      reflection: true,
      authentication: true,
      adminPassword: "immudb",
      adminPasswordGiven: false,
      refuseDefaultPassword: false,
      adminPasswordForced: false,
      passwordRules: { lengthMin: 1, classes: false },
      sessionsPerUserMax: Number.POSITIVE_INFINITY,
      callsPerUserMax: undefined,
      loginSlowdown: true,
      anonymous: { maintenance: false, remote: false },
      proxies: undefined,
      tokenLifetimeMs: 86_400_000,
      sessionsMax: 100,
      sessionIdleMs: 300_000,
      sessionAgeMs: Number.POSITIVE_INFINITY,
      sweepEveryMs: 60_000,
      browsers: { origins: [], hosts: undefined },
      tls: undefined,
      signingKey: undefined,
      replication: DEFAULT_DATABASE_SETTINGS.replicationSettings,
      logFormat: "text",
      logLevel: "info",
      logAccess: false,
      stampsWrites: false,
      auditKinds: undefined,
      slowCallMs: 0,
      metrics: { port: 9497, isGiven: false },
      telemetry: undefined,
      profiles: false,
      histograms: true,
      readyIndexLagMax: 100_000,
      logFile: undefined,
      pidFile: undefined,
      detached: false,
      configFile: undefined,
    });
  });

  test("the command line wins over the environment, and the environment over the default", () => {
    const environment = { IMMUDB_PORT: "1111", IMMUDB_MAX_SESSIONS: "7" };
    assert.equal(read({}, environment).config.port, 1111);
    assert.equal(read({ port: "2222" }, environment).config.port, 2222);
    assert.equal(read({ port: "2222" }, environment).config.sessionsMax, 7);
  });

  test("the name of a variable is the flag in capitals, with underscores", () => {
    assert.equal(environmentName("max-sessions"), "IMMUDB_MAX_SESSIONS");
    assert.equal(environmentName("signingKey"), "IMMUDB_SIGNINGKEY");
    assert.equal(read({}, { IMMUDB_SIGNINGKEY: "k.pem" }).config.signingKey, "k.pem");
  });

  test("a boolean is true by itself and takes the usual spellings", () => {
    assert.equal(read({ "log-access": true }).config.logAccess, true);
    for (const text of ["true", "1", "T"]) assert.equal(read({ "log-access": text }).config.logAccess, true, text);
    for (const text of ["false", "0", "F"]) assert.equal(read({ auth: text }).config.authentication, false, text);
  });

  test("a password may be given as base64", () => {
    assert.equal(read({ "admin-password": "enc:c2VjcmV0IQ==" }).config.adminPassword, "secret!");
    assert.equal(read({ "admin-password": "plain" }).config.adminPasswordGiven, true);
  });

  test("session times add up to how long a session may be silent", () => {
    const given = { "max-session-inactivity-time": "10s", "session-timeout": "5s", "max-session-age-time": "1h" };
    const { config } = read(given);
    assert.equal(config.sessionIdleMs, 15_000);
    assert.equal(config.sessionAgeMs, 3_600_000);
  });

  test("the bytes in flight leave room for the biggest message, and nobody can ask for less", () => {
    assert.equal(read({ "max-recv-msg-size": "1000000000" }).config.inflightBytesMax, 1_000_000_000);
    assert.equal(read({ "max-inflight-bytes": "100000000" }).config.inflightBytesMax, 100_000_000);
    assert.match(refusal({ "max-inflight-bytes": "1000000" }).message, /max-inflight-bytes.*max-recv-msg-size/);
  });

  test("flags without effect are named in one warning, and only when they are given", () => {
    const { warnings } = read({ "web-server-port": "81" }, { IMMUDB_PGSQL_SERVER: "true", IMMUDB_WEB_SERVER: "false" });
    assert.deepEqual(warnings, ["without effect in this version: --web-server-port, IMMUDB_PGSQL_SERVER"]);
  });

  test("every flag of the table is accepted with its own default as value", () => {
    for (const flag of ALL_FLAGS) read({ [flag.name]: flag.default });
    assert.equal(new Set(ALL_FLAGS.map((flag) => flag.name)).size, ALL_FLAGS.length);
  });

  test("the log level comes from LOG_LEVEL, and nonsense there means info", () => {
    assert.equal(read({}, { LOG_LEVEL: "debug" }).config.logLevel, "debug");
    assert.equal(read({}, { LOG_LEVEL: "WARNING" }).config.logLevel, "warn");
    assert.equal(read({}, { LOG_LEVEL: "loud" }).config.logLevel, "info");
  });

  for (const [given, named] of [
    [{ port: "80a" }, "--port is '80a'"],
    [{ port: "65536" }, "--port is '65536'"],
    [{ "max-sessions": "0" }, "--max-sessions is '0'"],
    [{ auth: "maybe" }, "--auth is 'maybe'"],
    [{ "session-timeout": "soon" }, "--session-timeout is 'soon'"],
    [{ logformat: "xml" }, "--logformat is 'xml'"],
    [{ "metrics-server-port": "x" }, "--metrics-server-port is 'x'"],
    [{ "admin-password": "" }, "--admin-password must have"],
    [{ "admin-password": "p".repeat(73) }, "--admin-password must have"],
    [{ "admin-password": "enc:%%" }, "--admin-password is not base64"],
  ] as const) {
    test(`${JSON.stringify(given)} is refused by name`, () => {
      const error = refusal(given);
      assert.ok(error.message.startsWith(named), error.message);
      assert.notEqual(error.hint, "");
    });
  }

  test("a wrong value from the environment is blamed on its variable, and a password is never repeated", () => {
    assert.match(refusal({}, { IMMUDB_PORT: "x" }).message, /^IMMUDB_PORT is 'x'/);
    assert.doesNotMatch(refusal({ "admin-password": `enc:${"?"}secret` }).message, /secret/);
  });

  test("durations are read as Go writes them", () => {
    for (const [text, ms] of [
      ["0", 0],
      ["0s", 0],
      ["90s", 90_000],
      ["3m0s", 180_000],
      ["24h", 86_400_000],
      ["1.5s", 1500],
      ["1h2m3s4ms", 3_723_004],
    ] as const) {
      assert.equal(parseDurationMs(text), ms, text);
    }
    for (const text of ["", "5", "s", "-1s", "1d", "1s "]) assert.equal(parseDurationMs(text), undefined, text);
  });
});
