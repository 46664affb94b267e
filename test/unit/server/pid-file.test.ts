import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { StartError } from "../../../src/server/errors.ts";
import { PidFile } from "../../../src/server/pid-file.ts";

describe("the file with the process id", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pid-file-"));
    path = join(directory, "immudb.pid");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const refused = (message: RegExp): void =>
    assert.throws(
      () => PidFile.claim(path),
      (error) => error instanceof StartError && message.test(error.message) && error.hint !== "",
    );

  test("holds the id until it is released", () => {
    const file = PidFile.claim(path);
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
    file.release();
    assert.equal(existsSync(path), false);
  });

  test("is refused while it names a process that runs", () => {
    writeFileSync(path, `${process.ppid}\n`);
    refused(new RegExp(`names process ${process.ppid}, which runs`));
    assert.equal(readFileSync(path, "utf8"), `${process.ppid}\n`);
  });

  test("one that was left is replaced: of a process that is gone, of this id, empty", () => {
    const { pid: gone } = spawnSync(process.execPath, ["--version"]);
    for (const content of [`${gone}\n`, `${process.pid}\n`, ""]) {
      writeFileSync(path, content);
      PidFile.claim(path).release();
      assert.equal(existsSync(path), false);
    }
  });

  test("a file of another kind is never touched", () => {
    for (const content of ["root:x:0:0\n", "-1\n", "0\n", "12 34\n"]) {
      writeFileSync(path, content);
      refused(/holds no process id/);
      assert.equal(readFileSync(path, "utf8"), content);
    }
  });

  test("one that another process has taken over is left to it", () => {
    const file = PidFile.claim(path);
    writeFileSync(path, "1\n");
    file.release();
    assert.equal(readFileSync(path, "utf8"), "1\n");
  });

  test("a place that cannot be written is refused by name", () => {
    path = join(directory, "none", "immudb.pid");
    refused(/none\/immudb\.pid/);
    path = directory;
    refused(/cannot be written/);
  });
});
