import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { FileStateStore, fileNameFor, stateDirectory } from "../../../src/client/node.ts";
import { MemoryStateStore, type StateStore } from "../../../src/client/trusted-state.ts";
import type { State } from "../../../src/proof/model.ts";

const ADDRESS = "127.0.0.1:3322";
const DATABASE = "defaultdb";
const child = fileURLToPath(new URL("../../support/state-child.ts", import.meta.url));

let root: string;
let fresh = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "state-store-"));
});
after(() => rm(root, { recursive: true, force: true }));

function newDirectory(): string {
  return join(root, String(fresh++));
}

function stateAt(txId: bigint): State {
  return { db: DATABASE, txId, txHash: new Uint8Array(32).fill(Number(txId % 251n)), signature: undefined };
}

/** A verified operation as far as the store sees it: read, work for a while, store the successor of what was read. */
async function advanceByOne(store: StateStore, address = ADDRESS, database = DATABASE): Promise<void> {
  await store.exclusively(address, database, async (slot) => {
    await slot.pin("uuid");
    const from = await slot.state();
    await new Promise((resume) => setTimeout(resume, 1));
    await slot.advance(from, { ...stateAt((from?.txId ?? 0n) + 1n), db: database });
  });
}

const read = (store: StateStore, database = DATABASE): Promise<State | undefined> =>
  store.exclusively(ADDRESS, database, (slot) => slot.state());

for (const [name, make] of [
  ["MemoryStateStore", (): StateStore => new MemoryStateStore()],
  ["FileStateStore", (): StateStore => new FileStateStore(newDirectory())],
] as const) {
  describe(name, () => {
    test("knows nothing before first contact", async () => {
      const store = make();
      await store.exclusively(ADDRESS, DATABASE, async (slot) => {
        assert.equal(await slot.uuid(), undefined);
        assert.equal(await slot.state(), undefined);
      });
    });

    test("gives back exactly the state that was stored, signature included", async () => {
      const store = make();
      const signed = { ...stateAt(7n), signature: { publicKey: Uint8Array.of(4, 5), signature: Uint8Array.of(6) } };
      await store.exclusively(ADDRESS, DATABASE, async (slot) => {
        await slot.pin("uuid");
        await slot.advance(undefined, signed);
      });
      assert.deepEqual(await read(store), signed);
    });

    test("keeps the first uuid that was pinned, for every database of the address", async () => {
      const store = make();
      assert.equal(await store.exclusively(ADDRESS, "a", (slot) => slot.pin("first")), "first");
      assert.equal(await store.exclusively(ADDRESS, "b", (slot) => slot.pin("second")), "first");
      assert.equal(await store.exclusively(ADDRESS, "a", (slot) => slot.uuid()), "first");
      assert.equal(await store.exclusively("other:1", "a", (slot) => slot.pin("second")), "second");
    });

    test("loses no update among a hundred concurrent operations", async () => {
      const store = make();
      await Promise.all(Array.from({ length: 100 }, () => advanceByOne(store)));
      assert.equal((await read(store))?.txId, 100n);
    });

    test("lets operations on different databases overlap and keeps their states apart", async () => {
      const store = make();
      const inside = Promise.withResolvers<void>();
      const first = store.exclusively(ADDRESS, "a", () => inside.promise);
      await advanceByOne(store, ADDRESS, "b");
      inside.resolve();
      await first;
      assert.equal((await read(store, "b"))?.txId, 1n);
      assert.equal(await read(store, "a"), undefined);
    });

    for (const [what, from, to] of [
      ["an older transaction", stateAt(5n), stateAt(4n)],
      ["another hash of the same transaction", stateAt(5n), { ...stateAt(5n), txHash: new Uint8Array(32) }],
      ["a successor of a state that is not the stored one", stateAt(4n), stateAt(6n)],
      ["a first state when there is one", undefined, stateAt(6n)],
    ] as const) {
      test(`refuses ${what}`, async () => {
        const store = make();
        await store.exclusively(ADDRESS, DATABASE, async (slot) => {
          await slot.pin("uuid");
          await slot.advance(undefined, stateAt(5n));
          await assert.rejects(slot.advance(from, to), { name: "ClientError", code: "state_moved" });
          assert.deepEqual(await slot.state(), stateAt(5n));
        });
      });
    }

    test("goes on after an operation that failed", async () => {
      const store = make();
      await assert.rejects(
        store.exclusively(ADDRESS, DATABASE, () => Promise.reject(new Error("call failed"))),
        /call failed/,
      );
      await advanceByOne(store);
      assert.equal((await read(store))?.txId, 1n);
    });
  });
}

describe("FileStateStore on disk", () => {
  test("keeps folders to their owner (0700) and files too (0600), and leaves no lock or temporary file", async () => {
    const directory = newDirectory();
    await advanceByOne(new FileStateStore(directory));
    const folder = join(directory, fileNameFor(ADDRESS));
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.deepEqual((await readdir(folder)).sort(), ["defaultdb.state.json", "identity.json"]);
    for (const file of await readdir(folder)) assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600);
  });

  test("is remembered by another store on the same folder", async () => {
    const directory = newDirectory();
    await advanceByOne(new FileStateStore(directory));
    const again = new FileStateStore(directory);
    assert.deepEqual(await read(again), stateAt(1n));
    await again.exclusively(ADDRESS, DATABASE, async (slot) => assert.equal(await slot.uuid(), "uuid"));
  });

  test("loses no update among several processes", async () => {
    const directory = newDirectory();
    const run = promisify(execFile);
    await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, [child, directory, ADDRESS, DATABASE, "15"])));
    assert.equal((await read(new FileStateStore(directory)))?.txId, 60n);
  });

  test("survives processes killed at any moment: the file stays whole and the next one gets in", async () => {
    const directory = newDirectory();
    let acknowledged = 0n;
    for (let round = 0; round < 6; round++) {
      acknowledged += await runAndKill([child, directory, ADDRESS, DATABASE, "100000"], 5 + round * 3);
      const state = await read(new FileStateStore(directory, 5_000));
      // The kill may fall between the rename and the word that it is done, so one more may be there; never one less.
      assert.ok(
        state !== undefined && state.txId >= acknowledged && state.txId <= acknowledged + 1n,
        `${state?.txId} of ${acknowledged}`,
      );
      acknowledged = state.txId;
    }
    await advanceByOne(new FileStateStore(directory));
    const left = (await readdir(join(directory, fileNameFor(ADDRESS)))).sort();
    assert.deepEqual(left, ["defaultdb.state.json", "identity.json"]);
  });

  test("a temporary file cut short by a crash is never read and is cleared away", async () => {
    const directory = newDirectory();
    const store = new FileStateStore(directory);
    await advanceByOne(store);
    const folder = join(directory, fileNameFor(ADDRESS));
    await writeFile(join(folder, "defaultdb.cut.tmp"), '{"txId":"99');
    assert.deepEqual(await read(store), stateAt(1n));
    assert.ok(!(await readdir(folder)).includes("defaultdb.cut.tmp"));
  });

  test("refuses a damaged state file by name and never trusts anew because of it", async () => {
    for (const text of ["", "{", "null", '{"txId":"1"}']) {
      const directory = newDirectory();
      const store = new FileStateStore(directory);
      await advanceByOne(store);
      const file = join(directory, fileNameFor(ADDRESS), "defaultdb.state.json");
      await writeFile(file, text);
      await assert.rejects(read(store), { name: "ClientError", code: "state_unreadable", data: { file } });
      assert.equal(await readFile(file, "utf8"), text);
    }
  });

  test("refuses a state file that was copied from another database or another server", async () => {
    const directory = newDirectory();
    const store = new FileStateStore(directory);
    await advanceByOne(store);
    const folder = join(directory, fileNameFor(ADDRESS));
    const text = await readFile(join(folder, "defaultdb.state.json"), "utf8");
    await writeFile(join(folder, "otherdb.state.json"), text);
    await assert.rejects(read(store, "otherdb"), { code: "state_unreadable" });
    await writeFile(join(folder, "defaultdb.state.json"), text.replace('"uuid":"uuid"', '"uuid":"else"'));
    await assert.rejects(read(store), { code: "state_unreadable" });
  });

  test("waits for a living process, and says which lock it waited for when it gives up", async () => {
    const directory = newDirectory();
    const inside = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const holder = new FileStateStore(directory).exclusively(ADDRESS, DATABASE, () => {
      entered.resolve();
      return inside.promise;
    });
    await entered.promise;
    await assert.rejects(
      read(new FileStateStore(directory, 50)),
      (error: Error & { code: string; data: { lock: string } }) => {
        assert.equal(error.code, "state_locked");
        assert.match(error.data.lock, /defaultdb\.lock\./);
        return true;
      },
    );
    inside.resolve();
    await holder;
  });

  test("a lock left by another machine counts until it is old", async () => {
    const directory = newDirectory();
    const folder = join(directory, fileNameFor(ADDRESS));
    await mkdir(folder, { recursive: true });
    const foreign = join(folder, "defaultdb.lock.0123456789ab.1.1.abc");
    await writeFile(foreign, "");
    await assert.rejects(read(new FileStateStore(directory, 50)), { code: "state_locked" });
    const longAgo = Date.now() / 1000 - 3600;
    await utimes(foreign, longAgo, longAgo);
    assert.equal(await read(new FileStateStore(directory, 50)), undefined);
  });

  test("stores nothing once its lock was taken away", async () => {
    const directory = newDirectory();
    const folder = join(directory, fileNameFor(ADDRESS));
    const store = new FileStateStore(directory);
    await store.exclusively(ADDRESS, DATABASE, async (slot) => {
      await slot.pin("uuid");
      for (const file of await readdir(folder)) if (file.includes(".lock.")) await rm(join(folder, file));
      await assert.rejects(slot.advance(undefined, stateAt(1n)), { code: "state_moved" });
    });
    assert.equal(await read(store), undefined);
  });

  test("gives databases of any name their own file", async () => {
    const store = new FileStateStore(newDirectory());
    const names = ["identity", "../up", "..", "a/b", "a_b", "ä", "", "x".repeat(200)];
    for (const name of names) await advanceByOne(store, ADDRESS, name);
    for (const name of names) assert.equal((await read(store, name))?.txId, 1n, name);
  });
});

test("the state folder follows XDG_STATE_HOME and falls back to the home folder", () => {
  assert.equal(stateDirectory({ XDG_STATE_HOME: "/state", HOME: "/home/u" }), "/state/immudb-ts");
  assert.equal(stateDirectory({ HOME: "/home/u" }), "/home/u/.local/state/immudb-ts");
  assert.equal(stateDirectory({ XDG_STATE_HOME: "relative", HOME: "/home/u" }), "/home/u/.local/state/immudb-ts");
});

/** Lets a child advance as fast as it can and kills it after it said `kills` times that it has; returns how often it said so. */
async function runAndKill(args: readonly string[], kills: number): Promise<bigint> {
  const running = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = 0n;
  running.stdout.on("data", (chunk: Buffer) => {
    said += BigInt(chunk.length);
    if (said >= kills) running.kill("SIGKILL");
  });
  await new Promise((resume) => running.on("close", resume));
  return said;
}
