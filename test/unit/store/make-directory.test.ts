import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeDirectory } from "../../../src/store/make-directory.ts";

const root = mkdtempSync(join(tmpdir(), "make-directory-"));
after(() => rmSync(root, { recursive: true }));

test("directories are made with those above them, for their owner alone, and again without harm", () => {
  const path = join(root, "a", "b");
  makeDirectory(path);
  for (const made of [path, join(root, "a")]) assert.equal(statSync(made).mode & 0o777, 0o700);
  chmodSync(path, 0o750);
  makeDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o750, "what is there stays as it is");
});

test("a file in the way, and a link that leads nowhere, are errors of the system", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  symlinkSync(join(root, "gone"), join(root, "link"));
  for (const path of [file, join(file, "x"), join(root, "link"), join(root, "link", "x")]) {
    assert.throws(() => makeDirectory(path), { syscall: "mkdir", code: "EEXIST" }, path);
  }
});

// In a process of its own: what is tested against is a loop that no timeout of this process would end.
test("where nothing can be made although the parent is there, it is an error and no endless loop", {
  skip: process.platform !== "linux" && "there is no /proc",
}, () => {
  const module = new URL("../../../src/store/make-directory.ts", import.meta.url).href;
  const program = `import(${JSON.stringify(module)}).then((m) => m.makeDirectory("/proc/nothing/here")).catch((e) => console.log(e.code))`;
  const { stdout, signal } = spawnSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  assert.deepEqual({ stdout, signal }, { stdout: "ENOENT\n", signal: null });
});
