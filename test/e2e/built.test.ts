// What is installed: the built programs, as npm run build leaves them, in a directory of their own beside the packages.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "../../scripts/server-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), "built-"));
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs"), join(home, "dist")], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  await symlink(join(ROOT, "node_modules"), join(home, "node_modules"));
  await cp(join(ROOT, "package.json"), join(home, "package.json"));
});
after(() => rm(home, { recursive: true }));

const programs = (name: string): string => join(home, "dist", `${name}.js`);

function run(name: string, ...args: readonly string[]): { readonly status: number | null; readonly out: string } {
  const env = { ...process.env, HOME: home, IMMUCLIENT_TOKEN_FILE: join(home, "token") };
  const { status, stdout, stderr } = spawnSync(process.execPath, [programs(name), ...args], { encoding: "utf8", env });
  return { status, out: stdout + stderr };
}

test("the built server serves calls, verification and the page, is found again after a kill, and checks what it left", async () => {
  const data = join(home, "data");
  const passwordFile = join(home, "password");
  await writeFile(passwordFile, ServerProcess.password, { mode: 0o600 });
  for (const round of ["first", "second"]) {
    await using server = new ServerProcess({ directory: data, program: programs("immudb") });
    const address = await server.serving;
    const [host, port] = address.split(":") as [string, string];
    const client = ["--immudb-address", host, "--immudb-port", port];
    assert.equal((await fetch(`http://${address}/`)).status, 200);
    const login = run("immuclient", ...client, "login", "immudb", "--password-file", passwordFile);
    assert.equal(login.status, 0, login.out);
    if (round === "second") assert.match(run("immuclient", ...client, "safeget", "key").out, /value-first/);
    assert.equal(run("immuclient", ...client, "safeset", "key", `value-${round}`).status, 0);
    const admin = ["--username", "immudb", "--password-file", passwordFile];
    const verified = run("immuadmin", ...client, ...admin, "verify", "defaultdb");
    assert.equal(verified.status, 0, verified.out);
    if (round === "first") await server.kill();
    else await server.stop();
  }
  const offline = run("immudb", "verify", `--dir=${data}`);
  assert.equal(offline.status, 0, offline.out);
  assert.match(run("immudb", "version").out, /^immudb for TypeScript \d/);
  assert.ok(existsSync(join(home, "dist", "compile-cache")), "what V8 made of it is kept beside it");
});
