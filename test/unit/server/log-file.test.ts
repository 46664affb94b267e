import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { LogFile } from "../../../src/server/log-file.ts";
import { TestClock } from "../auth/support.ts";

describe("the log file", () => {
  let path: string;
  let clock: TestClock;
  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), "log-file-")), "logs", "immudb.log");
    clock = new TestClock();
  });
  afterEach(() => rmSync(dirname(dirname(path)), { recursive: true }));

  const open = (bytesMax = 0, ageMaxMs = 0): LogFile =>
    new LogFile({ path, bytesMax, ageMaxMs }, clock, (lines) => `${lines} missing\n`);
  const names = (): string[] => readdirSync(dirname(path)).sort();
  const contents = (): string =>
    names()
      .filter((name) => name !== basename(path))
      .concat(basename(path))
      .map((name) => readFileSync(join(dirname(path), name), "utf8"))
      .join("");

  test("is made with its directory, and added to when it is there", () => {
    const first = open();
    first.write("one\n");
    first.close();
    const second = open();
    second.write("two\n");
    second.close();
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  });

  test("never grows beyond its size, and every line is in one of the files, in order", () => {
    const log = open(100);
    const lines = Array.from({ length: 60 }, (_, i) => `line ${i} ${"x".repeat(i % 20)}\n`);
    for (const line of lines) log.write(line);
    log.close();
    assert.ok(names().length > 10);
    for (const name of names()) assert.ok(statSync(join(dirname(path), name)).size <= 100, name);
    assert.equal(names()[1], "immudb.log.0001");
    assert.equal(contents(), lines.join(""));
  });

  test("goes on with the next number after a restart, and a line that is too long gets a file of its own", () => {
    const first = open(20);
    first.write("a".repeat(15));
    first.write("b".repeat(50));
    first.close();
    const second = open(20);
    second.write("c\n");
    second.close();
    assert.deepEqual(names(), ["immudb.log", "immudb.log.0001", "immudb.log.0002"]);
    assert.equal(readFileSync(path, "utf8"), "c\n");
  });

  test("is followed by another one at its age, and gets the time as its name", () => {
    const log = open(0, 60_000);
    log.write("one\n");
    clock.ms += 59_999;
    log.write("two\n");
    clock.ms += 1;
    log.write("three\n");
    clock.ms += 60_000;
    log.write("four\n");
    log.close();
    const stamp = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    assert.deepEqual(names(), [
      "immudb.log",
      `immudb.log.${stamp(clock.ms - 60_000)}`,
      `immudb.log.${stamp(clock.ms)}`,
    ]);
    assert.equal(contents(), "one\ntwo\nthree\nfour\n");
  });

  test("an empty file does not grow old", () => {
    const log = open(0, 60_000);
    clock.ms += 600_000;
    log.write("one\n");
    log.close();
    assert.deepEqual(names(), ["immudb.log"]);
  });

  test("is opened again for who has renamed it", () => {
    const log = open();
    log.write("one\n");
    renameSync(path, `${path}.mine`);
    log.write("two\n");
    log.reopen();
    log.write("three\n");
    log.close();
    assert.equal(readFileSync(`${path}.mine`, "utf8"), "one\ntwo\n");
    assert.equal(readFileSync(path, "utf8"), "three\n");
  });

  test("one that somebody took away is made anew when it would have been changed", () => {
    const log = open(10);
    log.write("one two\n");
    renameSync(path, `${path}.mine`);
    log.write("three four\n");
    log.close();
    assert.equal(contents(), "one two\nthree four\n");
    assert.deepEqual(names(), ["immudb.log", "immudb.log.mine"]);
  });

  test("goes on when the directory allows no other file, and then loses nothing", () => {
    const log = open(10);
    const asRoot = process.getuid?.() === 0;
    // Permissions mean nothing to root, so that somebody else has to try.
    if (asRoot) process.seteuid?.(65_534);
    else chmodSync(dirname(path), 0o500);
    for (const line of ["one two\n", "three four\n", "five\n"]) log.write(line);
    if (asRoot) process.seteuid?.(0);
    else chmodSync(dirname(path), 0o700);
    log.close();
    assert.deepEqual(names(), ["immudb.log"]);
    assert.equal(contents(), "one two\nthree four\nfive\n");
  });

  test("a log that cannot be written stops nothing, and says later how many lines are missing", () => {
    mkdirSync(dirname(path));
    symlinkSync("/dev/full", path);
    const log = open();
    for (const line of ["one\n", "two\n"]) log.write(line);
    unlinkSync(path);
    log.reopen();
    log.write("three\n");
    log.write("four\n");
    log.close();
    assert.equal(readFileSync(path, "utf8"), "2 missing\nthree\nfour\n");
  });
});
