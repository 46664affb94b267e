import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemRandom } from "../../../src/base/random.ts";
import { DirectoryLock } from "../../../src/store/directory-lock.ts";
import { codeOf, inDirectory } from "./support.ts";

const CHILD = fileURLToPath(new URL("../../support/lock-child.ts", import.meta.url));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

const acquire = (directory: string): Promise<DirectoryLock> => DirectoryLock.acquire(directory, systemRandom);

/** A process that tries to take the lock, and what it said. */
async function otherProcess(directory: string): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ["pipe", "pipe", "inherit"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: said.toString() };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

describe("the lock of a directory", () => {
  test("is refused to a second holder in the same process, and free again after release", () =>
    inDirectory(async (directory) => {
      const first = await acquire(directory);
      assert.equal(await codeOf(() => acquire(directory)), "locked");
      await first.release();
      const second = await acquire(directory);
      await second.release();
      assert.deepEqual(readdirSync(directory), [], "nothing is left behind");
    }));

  test("is refused to another process while this one holds it, and to this one while another does", () =>
    inDirectory(async (directory) => {
      const lock = await acquire(directory);
      const refused = await otherProcess(directory);
      assert.equal(refused.said, "locked");
      await kill(refused.child);
      await lock.release();
      const holder = await otherProcess(directory);
      assert.equal(holder.said, "held");
      assert.equal(await codeOf(() => acquire(directory)), "locked");
      await kill(holder.child);
    }));

  test("is taken over from a process that was killed", () =>
    inDirectory(async (directory) => {
      const { child, said } = await otherProcess(directory);
      assert.equal(said, "held");
      await kill(child);
      const lock = await acquire(directory);
      await lock.release();
      assert.deepEqual(readdirSync(directory), [], "what the dead process left is removed");
    }));

  test("is held by a process that is stopped and cannot answer", () =>
    inDirectory(async (directory) => {
      const { child, said } = await otherProcess(directory);
      assert.equal(said, "held");
      child.kill("SIGSTOP");
      assert.equal(await codeOf(() => acquire(directory)), "locked");
      await kill(child);
    }));

  test("works in a directory whose path is longer than a socket's may be", () =>
    inDirectory(async (parent) => {
      const directory = join(parent, "d".repeat(200));
      mkdirSync(directory);
      const lock = await acquire(directory);
      assert.equal(await codeOf(() => acquire(directory)), "locked");
      const refused = await otherProcess(directory);
      assert.equal(refused.said, "locked");
      await kill(refused.child);
      await lock.release();
    }));

  test("goes to exactly one of many who find a dead one at the same time", () =>
    inDirectory(async (parent) => {
      for (let round = 0; round < 40; round++) {
        const directory = join(parent, String(round));
        mkdirSync(directory);
        // Connections to a plain file are refused like those to the socket of a dead process.
        writeFileSync(join(directory, ".lock.7fffffffffff"), "");
        const takers = await Promise.allSettled(Array.from({ length: 8 }, () => acquire(directory)));
        const winners = takers.filter((taker) => taker.status === "fulfilled");
        assert.equal(winners.length, 1, `round ${round}`);
        for (const taker of takers) if (taker.status === "rejected") assert.equal(taker.reason.code, "locked");
        for (const winner of winners) await winner.value.release();
        assert.deepEqual(readdirSync(directory), []);
      }
    }));

  test("goes to exactly one of several processes", () =>
    inDirectory(async (directory) => {
      const dead = await otherProcess(directory);
      await kill(dead.child);
      const takers = await Promise.all(Array.from({ length: 4 }, () => otherProcess(directory)));
      assert.deepEqual(takers.map(({ said }) => said).sort(), ["held", "locked", "locked", "locked"]);
      await Promise.all(takers.map(({ child }) => kill(child)));
    }));

  test("goes to the one with the smaller name when two decide at the same time", () =>
    inDirectory(async (directory) => {
      const deciding = async (name: string): Promise<() => Promise<void>> => {
        const server = createServer((socket) => socket.end("wanted"));
        server.listen(join(directory, "other"));
        await once(server, "listening");
        renameSync(join(directory, "other"), join(directory, name));
        return async () => {
          server.close();
          await once(server, "close");
        };
      };
      const earlier = await deciding(".lock.000000000000");
      assert.equal(await codeOf(() => acquire(directory)), "locked");
      await earlier();
      const later = await deciding(".lock.zzzzzzzzzzzz");
      const waiting = acquire(directory);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await later();
      await (await waiting).release();
    }));
});
