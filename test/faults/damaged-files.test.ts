// The real server on a data directory with damaged files. Most damage is seen before anything is opened. A page that ends
// whoever uses it may end the server while it serves, once: after that nothing reaches it that has not been looked at, a
// damaged log is out of service, a damaged index is built again, and those beside it serve.

import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Code, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../../scripts/server-process.ts";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import { createNodeTransport, type NodeTransport } from "../../src/client/node.ts";
import { ADMIN, refusalOf } from "../service/support.ts";

const PAGE = 8192;
const PAGE_HEADER = 24;
const [BRANCH, LEAF] = [1, 2];
/** Keys and values so long that log and index are both too big to be looked at before they are served. */
const MANY = 6000;
const manyKey = (i: number): string => `${String(i).padStart(6, "0")}${"k".repeat(890)}`;

const SEEN_AT_START: Readonly<Record<string, (whole: Uint8Array) => Uint8Array>> = {
  garbage: (whole) => whole.map((_, i) => i * 7 + 3),
  zeros: (whole) => new Uint8Array(whole.length),
  stub: () => utf8("hello"),
  half: (whole) => whole.subarray(0, whole.length / 2),
};

interface Caller {
  read(database: string): Promise<string>;
  write(database: string): Promise<unknown>;
  load(database: string): Promise<unknown>;
  /** Whether each database is loaded, by name. */
  list(): Promise<Record<string, boolean>>;
  create(database: string): Promise<void>;
  /** Many records, named by number. */
  writeMany(from: number, count: number): Promise<unknown>;
  readMany(i: number): Promise<string>;
  close(): void;
}

async function call(address: string): Promise<Caller> {
  const transport: NodeTransport = createNodeTransport(address);
  const client = createClient(ImmuService, transport);
  const admin = createClient(ImmuService, transport);
  // A session of a database that serves, for what is not about one.
  const login = async (databaseName: string): Promise<{ headers: Record<string, string> }> => {
    const { sessionID } = await client.openSession({ ...ADMIN, databaseName });
    return { headers: { sessionid: sessionID } };
  };
  const token = await client.login({ user: ADMIN.username, password: ADMIN.password });
  const headers = { authorization: token.token };
  let session: ReturnType<typeof login> | undefined;
  const many = (): ReturnType<typeof login> => (session ??= login("defaultdb"));
  return {
    read: async (database) => utf8ToString((await client.get({ key: utf8("k1") }, await login(database))).value),
    write: async (database) => client.set({ KVs: [{ key: utf8("later"), value: utf8("v") }] }, await login(database)),
    load: (database) => admin.loadDatabase({ database }, { headers }),
    list: async () => {
      const { databases } = await admin.databaseListV2({}, { headers });
      return Object.fromEntries(databases.map(({ name, loaded }) => [name, loaded]));
    },
    create: async (database) => {
      if (database !== "defaultdb") await admin.createDatabaseV2({ name: database }, { headers });
      const session = await login(database);
      for (let i = 0; i < 40; i++) {
        const KVs = [{ key: utf8(`k${i}`), value: utf8(`${database} ${"v".repeat(700)}`) }];
        await client.set({ KVs }, session);
      }
    },
    writeMany: async (from, count) => {
      const KVs = Array.from({ length: count }, (_, i) => ({
        key: utf8(manyKey(from + i)),
        value: utf8(`v${from + i}`),
      }));
      return client.set({ KVs }, await many());
    },
    readMany: async (i) => utf8ToString((await client.get({ key: utf8(manyKey(i)) }, await many())).value),
    close: () => transport.close(),
  };
}

describe("a server on a data directory with damaged logs", () => {
  let data: string;
  let backup: string;
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "damaged-"));
    backup = `${data}.backup`;
  });
  afterEach(async () => {
    for (const directory of [data, backup]) await rm(directory, { recursive: true, force: true });
  });

  const fileOf = (database: string): string => join(data, database, "log", "data.mdb");

  async function withServer(body: (caller: Caller, server: ServerProcess) => Promise<void>): Promise<void> {
    await using server = new ServerProcess(data);
    const caller = await call(await server.serving);
    try {
      await body(caller, server);
    } finally {
      caller.close();
    }
    await server.stop();
  }

  async function fill(databases: readonly string[]): Promise<void> {
    await withServer(async (caller) => {
      for (const database of databases) await caller.create(database);
    });
    await cp(data, backup, { recursive: true });
  }

  async function restore(database: string): Promise<void> {
    await rm(join(data, database), { recursive: true });
    await cp(join(backup, database), join(data, database), { recursive: true });
  }

  /** Damages the list of free pages of a log: nothing shows until something is written, which ends the process. */
  function tear(database: string): void {
    const file = fileOf(database);
    const bytes = readFileSync(file);
    const newest = bytes.readBigUInt64LE(152) > bytes.readBigUInt64LE(PAGE + 152) ? 0 : PAGE;
    const page = Number(bytes.readBigInt64LE(newest + 88));
    assert.ok(page > 1, "there are free pages");
    writeFileSync(file, bytes.fill(0, page * PAGE + PAGE_HEADER, (page + 1) * PAGE));
  }

  async function refusedAsDamaged(caller: Caller, database: string): Promise<void> {
    const { code, text } = await refusalOf(caller.read(database));
    assert.equal(code, Code.FailedPrecondition);
    assert.match(text, new RegExp(`^database '${database}' is out of service: data is damaged: .*/${database}/log`));
    assert.match(text, /Restore it from a backup, or see what is left with 'immudb verify --dir'; LoadDatabase tries/);
  }

  test("starts, serves the others, says what is wrong, and takes a restored one back", async () => {
    const damaged = Object.keys(SEEN_AT_START);
    await fill(["whole", ...damaged]);
    for (const [database, change] of Object.entries(SEEN_AT_START)) {
      writeFileSync(fileOf(database), change(readFileSync(fileOf(database))));
    }
    await withServer(async (caller, server) => {
      const said = server.log.filter(({ message }) => message.startsWith("THE DATABASE IS OUT OF SERVICE"));
      assert.deepEqual(said.map((line) => line["database"]).toSorted(), damaged.toSorted());
      assert.match(await caller.read("whole"), /^whole v/);
      const list = await caller.list();
      for (const database of damaged) {
        assert.equal(list[database], false);
        await refusedAsDamaged(caller, database);
      }
      assert.deepEqual([list["defaultdb"], list["whole"]], [true, true]);
      await restore("zeros");
      await caller.load("zeros");
      assert.match(await caller.read("zeros"), /^zeros v/);
      assert.equal((await caller.list())["zeros"], true);
      await refusedAsDamaged(caller, "half");
    });
  });

  test("is not ended for ever by a page that ends whoever uses it, be it the default database's", async () => {
    const torn = "defaultdb";
    await fill(["whole", torn]);
    tear(torn);
    {
      await using server = new ServerProcess(data);
      const caller = await call(await server.serving);
      assert.match(await caller.read("whole"), /^whole v/);
      assert.match(await caller.read(torn), new RegExp(`^${torn} v`));
      await assert.rejects(caller.write(torn));
      caller.close();
      // Should it live, it is ended here and the test fails.
      const tooLong = setTimeout(() => void server.kill(), 10_000);
      assert.match(await server.ended, /^SIG(BUS|SEGV|ABRT)$/);
      clearTimeout(tooLong);
    }
    await withServer(async (caller) => {
      await refusedAsDamaged(caller, torn);
      assert.match(await caller.read("whole"), /^whole v/, "what was open when the server ended");
      await caller.write("whole");
      await restore(torn);
      await caller.load(torn);
      assert.match(await caller.read(torn), new RegExp(`^${torn} v`));
      await caller.write(torn);
    });
  });

  /** Zeroes the newest page of that kind. Of the log not the pages at its end, which a start looks at. */
  function tearPage(environment: "log" | "index", kind: number): void {
    const file = join(data, "defaultdb", environment, "data.mdb");
    const bytes = readFileSync(file);
    const pages = Array.from({ length: bytes.length / PAGE - 2 }, (_, i) => i + 2)
      .filter((page) => bytes.readUInt16LE(page * PAGE + 18) === kind && bytes.readUInt32LE(page * PAGE) === page)
      .sort((a, b) => Number(bytes.readBigUInt64LE(b * PAGE + 8) - bytes.readBigUInt64LE(a * PAGE + 8)));
    const page = pages[kind === LEAF ? Math.floor(pages.length / 4) : 0] as number;
    overwrite(file, page * PAGE, new Uint8Array(PAGE));
  }

  /** Reads and writes all over the database until all is done or the server is gone. Returns how many reads were answered. */
  async function useAll(caller: Caller, server: ServerProcess): Promise<number> {
    let [answered, isGone] = [0, false];
    void server.ended.then(() => {
      isGone = true;
    });
    for (let i = 0; i < MANY && !isGone; i += 50) {
      const read = await caller.readMany(i).catch(() => undefined);
      if (read === undefined) continue;
      assert.equal(read, `v${i}`);
      answered++;
    }
    for (let i = 7; i < MANY && !isGone; i += 500) await caller.writeMany(i, 1).catch(() => undefined);
    return answered;
  }

  for (const environment of ["log", "index"] as const) {
    test(`is ended at most once by a page of a long ${environment} that is torn while it serves`, async () => {
      await withServer(async (caller) => {
        await caller.create("whole");
        for (let i = 0; i < MANY; i += 100) await caller.writeMany(i, 100);
      });
      await cp(data, backup, { recursive: true });
      for (const kind of [LEAF, BRANCH]) {
        await restore("defaultdb");
        const deaths: string[] = [];
        let answered = 0;
        for (let start = 0; start < 3; start++) {
          await using server = new ServerProcess(data);
          const caller = await call(await server.serving);
          if (start === 0) tearPage(environment, kind);
          answered = await useAll(caller, server);
          assert.match(await caller.read("whole").catch(() => "whole v"), /^whole v/);
          caller.close();
          if (start === 0) void server.kill();
          else await server.stop();
          deaths.push(await server.ended);
        }
        assert.deepEqual(deaths.slice(1), ["exit code 0", "exit code 0"], `kind ${kind}`);
        if (environment === "index") assert.equal(answered, MANY / 50, "it was built again");
        else assert.ok(answered < MANY / 50, "it is out of service");
      }
    });
  }
});

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const open = openSync(file, "r+");
  writeSync(open, bytes, 0, bytes.length, at);
  closeSync(open);
}
