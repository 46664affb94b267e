import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../../../src/server/config.ts";
import type { RunningServer } from "../../../src/server/main.ts";
import { startSummary } from "../../../src/server/welcome.ts";

const SERVER: RunningServer = {
  port: 3322,
  url: "http://127.0.0.1:3322",
  metricsPort: undefined,
  directory: "/data",
  uuid: "x",
  close: async () => {},
};

for (const [flags, login] of [
  [[], "required"],
  [["auth"], "off: only this machine is served"],
  [["auth", "devmode"], "off: ANYBODY is served"],
  [["auth", "maintenance"], "off: only this machine is served, and nothing is changed"],
] as const)
  test(`a start with ${flags.join(", ") || "no flag"} says of logins: ${login}`, () => {
    const given = new Map(flags.map((name) => [name, name === "auth" ? "false" : "true"]));
    const { config } = readConfig(given, {});
    assert.equal(startSummary(SERVER, config)["login"], login);
  });
