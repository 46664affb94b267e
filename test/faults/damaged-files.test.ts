// The real server on a data directory with damaged logs. Most damage is seen before anything is opened. A page that ends
// whoever uses it may end the server while it serves: after the second time in a row another process looks first, the database
// is out of service, and those beside it serve.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
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
    for (let i = 0; i < 2; i++) {
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
});
