// The programs over TLS, as a person starts them: no certificate at hand, nothing configured.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Shell } from "../support/immuclient.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/immudb.ts", import.meta.url));

test("a server with --auto-cert tells how to reach it, immuclient does, and SIGHUP ends neither", async () => {
  const home = await mkdtemp(join(tmpdir(), "tls-e2e-"));
  const args = [PROGRAM, "--auto-cert", "--address=127.0.0.1", "--port=0", `--dir=${join(home, "data")}`];
  const server = spawn(process.execPath, args, { env: { PATH: process.env["PATH"], HOME: home } });
  const said = { out: "", err: "" };
  server.stdout.on("data", (chunk) => {
    said.out += chunk;
  });
  server.stderr.on("data", (chunk) => {
    said.err += chunk;
  });
  const told = async (what: "out" | "err", pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(said[what]);
      if (found !== null) return found;
      assert.equal(server.exitCode, null, said.err);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    const [, flags = ""] = await told("out", /immuclient -- (.*)login immudb\n/);
    assert.match(flags, /--clientcas \S*immudb-cert\.pem/);
    const shell = new Shell(home, {});
    const immuclient = (command: string, input = "") =>
      shell.run([...flags.trim().split(" "), ...command.split(" ")], { input });
    const login = await immuclient("login immudb --password-stdin", "immudb");
    assert.equal(login.exit, 0, login.stderr);
    server.kill("SIGHUP");
    await told("err", /read again/);
    const stored = await immuclient("safeset k v");
    assert.match(stored.stdout, /verified: true/, stored.stderr);
  } finally {
    server.kill("SIGTERM");
    const [code] = server.exitCode === null ? await once(server, "exit") : [server.exitCode];
    assert.equal(code, 0, said.err);
    await rm(home, { recursive: true });
  }
});
