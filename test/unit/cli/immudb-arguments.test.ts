import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseArguments } from "../../../src/cli/immudb-arguments.ts";
import { ALL_FLAGS } from "../../../src/server/flags.ts";

function parse(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const parsed = parseArguments(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { parsed, out: out.join(""), err: err.join("") };
}

function given(...args: string[]): Record<string, string | true> {
  const { parsed, err } = parse(...args);
  assert.equal(parsed.kind, "serve", err);
  return parsed.kind === "serve" ? Object.fromEntries(parsed.given) : {};
}

describe("the command line of immudb", () => {
  test("without arguments the server runs and nothing is given", () => {
    assert.deepEqual(given(), {});
  });

  test("a value follows its flag or an equals sign, for long and short names alike", () => {
    for (const args of [["--port", "80"], ["--port=80"], ["-p", "80"], ["-p=80"], ["-p80"]]) {
      assert.deepEqual(given(...args), { port: "80" }, args.join(" "));
    }
    assert.deepEqual(given("-a", "::1", "-s=false"), { address: "::1", auth: "false" });
  });

  test("a boolean needs no value and takes one", () => {
    assert.deepEqual(given("--auth"), { auth: true });
    assert.deepEqual(given("--metrics-server=false", "--auth", "false"), { "metrics-server": "false", auth: "false" });
  });

  test("every flag is known in both of its forms", () => {
    for (const { name, type, default: initial } of ALL_FLAGS) {
      const value = initial === "" ? "x" : initial;
      assert.deepEqual(given(`--${name}=${value}`), { [name]: value }, name);
      if (type === "boolean") assert.deepEqual(given(`--${name}`), { [name]: true }, name);
      else assert.deepEqual(given(`--${name}`, value), { [name]: value }, name);
    }
  });

  test("a password keeps its equals signs", () => {
    assert.deepEqual(given("--admin-password==a=b="), { "admin-password": "=a=b=" });
  });

  test("an unknown flag ends with a hint on standard error and exit code 1", () => {
    const { parsed, out, err } = parse("--prot", "80");
    assert.deepEqual(parsed, { kind: "exit", code: 1 });
    assert.match(err, /unknown option '--prot'[\s\S]*--help/);
    assert.equal(out, "");
  });

  test("says nothing of what an unknown flag was given: it may be a secret", () => {
    for (const args of [["--admin-pasword=geheim"], ["config", "check", "--admin-pasword=geheim"]]) {
      const { err } = parse(...args);
      assert.match(err, /unknown option '--admin-pasword'/);
      assert.ok(!err.includes("geheim"), err);
    }
  });

  test("a flag without its value and a word too many end with exit code 1", () => {
    assert.deepEqual(parse("--dir").parsed, { kind: "exit", code: 1 });
    assert.deepEqual(parse("serve").parsed, { kind: "exit", code: 1 });
  });

  test("--help names every flag and says which have no effect yet", () => {
    const { parsed, out } = parse("--help");
    assert.deepEqual(parsed, { kind: "exit", code: 0 });
    for (const { name } of ALL_FLAGS) assert.ok(out.includes(`--${name} `), name);
    assert.match(out, /--web-server-port[\s\S]*?no effect yet/);
  });

  test("a command takes its own options, and the server's flags before it and after it", () => {
    const { parsed } = parse("--dir", "d", "index", "rebuild", "--database", "one", "--port=1");
    assert.equal(parsed.kind, "command");
    if (parsed.kind !== "command") return;
    assert.equal(parsed.command.name, "index rebuild");
    assert.deepEqual({ ...parsed.options }, { database: "one", output: "text" });
    assert.deepEqual(Object.fromEntries(parsed.given), { dir: "d", port: "1" });
  });

  test("a command line that a command cannot obey ends with exit code 2", () => {
    for (const args of [["backup"], ["index"], ["index", "rebuild", "--output=xml"], ["config", "check", "--nosuch"]]) {
      assert.deepEqual(parse(...args).parsed, { kind: "exit", code: 2 }, args.join(" "));
    }
    assert.deepEqual(parse("config", "check", "--help").parsed, { kind: "exit", code: 0 });
  });

  test("version prints the version of this product", () => {
    const { parsed, out } = parse("version");
    assert.deepEqual(parsed, { kind: "exit", code: 0 });
    assert.match(out, /^immudb for TypeScript \d+\.\d+\.\d+\n.*immudb 1\.11\.1\n.*Node \d+\./);
  });
});
