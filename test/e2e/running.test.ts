// The program as an operator runs it: configured by a file, in the background, with log files and a process id file.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));

describe("the server as an operator runs it", () => {
  let home: string;
  let log: string;
  let pidFile: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "running-"));
    log = join(home, "data", "immulog", "immudb.log");
    pidFile = join(home, "immudb.pid");
    await writeFile(
      join(home, "immudb.toml"),
      `address = "127.0.0.1"
port = 0
metrics-server = false
dir = ${JSON.stringify(join(home, "data"))}
pidfile = ${JSON.stringify(pidFile)}
`,
    );
  });
  afterEach(async () => {
    if (existsSync(pidFile)) process.kill(pidOf(), "SIGKILL");
    await rm(home, { recursive: true });
  });

  const pidOf = (): number => Number(readFileSync(pidFile, "utf8"));
  const logged = (): string => readFileSync(log, "utf8");

  function immudb(flags: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const env = { PATH: process.env["PATH"], HOME: home, ...environment };
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...flags], { encoding: "utf8", env });
    return { status, out: stdout, err: stderr };
  }

  const clientOf = (text: string) => {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? assert.fail(text);
    return createClient(ImmuService, createGrpcTransport({ baseUrl: url }));
  };

  const login = (text: string, password: string) =>
    clientOf(text).openSession({ username: utf8("immudb"), password: utf8(password), databaseName: "defaultdb" });

  async function until(what: () => boolean): Promise<void> {
    while (!what()) await sleep(10);
  }

  async function stop(): Promise<void> {
    process.kill(pidOf(), "SIGTERM");
    await until(() => !existsSync(pidFile));
  }

  test("goes into the background when it serves, takes its secret from a file, and stops cleanly", async () => {
    const secret = join(home, "password");
    await writeFile(secret, "FromAFile1!\n");
    await writeFile(pidFile, `${spawnSync(process.execPath, ["--version"]).pid}\n`);
    const started = immudb(["--detached", "--log-access"], { IMMUDB_ADMIN_PASSWORD_FILE: secret });
    assert.equal(started.status, 0, started.err);
    assert.equal(started.out, `immudb runs in the background as process ${pidOf()} and logs to ${log}\n`);
    assert.match(logged(), /INFO: serving .*configuration=\S+immudb\.toml/);
    await login(logged(), "FromAFile1!");
    await assert.rejects(login(logged(), "immudb"), /invalid user name or password/);

    const second = immudb(["--dir", join(home, "other")]);
    assert.equal(second.status, 1);
    assert.match(
      second.err,
      new RegExp(`cannot start: .*immudb\\.pid names process ${pidOf()}, which runs\nnext: stop that server`),
    );

    await stop();
    await until(() => logged().endsWith("INFO: shutdown completed\n"));
    assert.match(logged(), /OpenSession/);
    assert.doesNotMatch(logged(), /FromAFile1!/);
  });

  test("the background tells why it cannot start, and who chose no password may do so at the next start", async () => {
    const open = ["-d", "--refuse-default-password", "--address=0.0.0.0"];
    const { status, out, err } = immudb(open);
    assert.equal(status, 1, err);
    assert.equal(out, "");
    assert.match(err, /cannot start: .*--refuse-default-password is set\nnext: choose his password/);
    assert.equal(existsSync(pidFile), false);
    const chosen = immudb([...open, "--admin-password=Chosen1!"]);
    assert.equal(chosen.status, 0, chosen.err);
    await login(logged(), "Chosen1!");
    await stop();
  });

  test("log files are followed by others while calls are logged, and no line is lost", async () => {
    assert.equal(immudb(["-d", "--logformat=json", "--log-access", "--log-rotation-size=2000"]).status, 0);
    const client = clientOf(logged());
    const before = readdirSync(join(home, "data", "immulog")).length;
    for (let i = 0; i < 40; i++) await client.health({});
    renameSync(log, `${log}.away`);
    process.kill(pidOf(), "SIGHUP");
    await until(() => existsSync(log));
    for (let i = 0; i < 40; i++) await client.health({});
    await stop();
    const names = readdirSync(join(home, "data", "immulog"));
    assert.ok(names.length > before + 3, names.join());
    const lines = names.flatMap((name) =>
      readFileSync(join(home, "data", "immulog", name), "utf8")
        .trim()
        .split("\n"),
    );
    const messages = lines.map((line) => JSON.parse(line).message);
    assert.equal(messages.filter((message) => message === "call").length, 80);
    for (const message of ["serving", "read again", "shutdown completed"])
      assert.ok(messages.includes(message), message);
  });

  test("a configuration file that cannot be used ends the start with exit code 1 and names what is wrong", async () => {
    await writeFile(join(home, "immudb.toml"), 'adress = "127.0.0.1"\n');
    const { status, err } = immudb([]);
    assert.equal(status, 1);
    assert.match(err, /immudb\.toml has a setting that there is not: adress\nnext: did you mean address\?/);
    assert.doesNotMatch(err, /^\s+at /m);
  });

  test("config check shows where each setting comes from, and no secret", () => {
    const { status, out } = immudb(["config", "check", "-p=0", "--output=json"], {
      IMMUDB_ADMIN_PASSWORD: "hush",
      IMMUDB_PORT: "1",
    });
    assert.equal(status, 0, out);
    assert.doesNotMatch(out, /hush/);
    const { settings } = JSON.parse(out) as {
      settings: { name: string; value: string; origin: string; over: string[] }[];
    };
    const shown = (name: string) => settings.find((setting) => setting.name === name);
    assert.deepEqual(shown("port")?.over, ["IMMUDB_PORT", `port in ${join(home, "immudb.toml")}`]);
    assert.deepEqual(
      [shown("admin-password")?.value, shown("admin-password")?.origin],
      ["******", "IMMUDB_ADMIN_PASSWORD"],
    );
  });

  test("a log that goes to a pipe which is closed does not stop the server", async () => {
    const child = spawn(process.execPath, [PROGRAM, "--log-access"], {
      env: { PATH: process.env["PATH"], HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await until(() => /http:\S+/.test(said));
    child.stderr.destroy();
    for (let i = 0; i < 5; i++) await clientOf(said).health({});
    child.kill("SIGTERM");
    const [code] = await new Promise<[number | null]>((resolve) => child.once("exit", (...how) => resolve([how[0]])));
    assert.equal(code, 0);
  });
});
