// The audit log of a real server, read as an administrator reads it.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../../scripts/server-process.ts";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import type { CallKind } from "../../src/services/call-record.ts";
import { allMethods } from "../../src/services/methods.ts";
import { startTestServer } from "../support/test-server.ts";
import { refusalOf, Services } from "./support.ts";

interface Event {
  readonly user: string;
  readonly ip: string;
  readonly db?: string;
  readonly method: string;
  readonly type: CallKind;
  readonly ok: boolean;
  readonly err?: string;
}

const kv = (key: string) => ({ key: utf8(key), value: utf8("v") });

async function login(url: string, databaseName = "defaultdb", user = "immudb") {
  const client = createClient(ImmuService, createGrpcTransport({ baseUrl: url }));
  const { sessionID } = await client.openSession({ username: utf8(user), password: utf8("immudb"), databaseName });
  return { client, headers: { sessionid: sessionID } };
}

async function eventsOf(url: string): Promise<Event[]> {
  const { client, headers } = await login(url, "systemdb");
  const { entries } = await client.scan({ prefix: utf8("audit:") }, { headers });
  return entries.map(({ value }) => JSON.parse(utf8ToString(value)));
}

const inShort = ({ method, user, db, type, ok }: Event) =>
  `${type} ${method.split("/").at(-1)} ${user || "-"} ${db ?? "-"} ${ok ? "ok" : "failed"}`;

describe("the audit log of a server", () => {
  test("has every call with who and what it was about, logins and refusals included", async () => {
    await using server = await startTestServer({ "audit-log": "true" });
    const open = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
    await refusalOf(open.get({ key: utf8("a") }));
    await refusalOf(open.openSession({ username: utf8("ann"), password: utf8("no"), databaseName: "Books" }));
    await open.login({ user: utf8("immudb"), password: utf8("immudb") });
    const { client, headers } = await login(server.url);
    await client.set({ KVs: [kv("a")] }, { headers });
    await refusalOf(client.get({ key: utf8("zz") }, { headers }));
    await client.createDatabaseV2({ name: "books" }, { headers });
    await client.useDatabase({ databaseName: "books" }, { headers });
    await client.useDatabase({ databaseName: "systemdb" }, { headers });
    await refusalOf(client.set({ KVs: [kv("a")] }, { headers }));
    const json = createClient(ImmuService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
    await json.health({});
    await client.closeSession({}, { headers });
    const events = await eventsOf(server.url);
    assert.deepEqual(events.map(inShort), [
      "READ Get - - failed",
      "AUTH OpenSession ann books failed",
      "AUTH Login immudb - ok",
      "AUTH OpenSession immudb defaultdb ok",
      "WRITE Set immudb defaultdb ok",
      "READ Get immudb defaultdb failed",
      "ADMIN CreateDatabaseV2 immudb books ok",
      "AUTH UseDatabase immudb books ok",
      "AUTH UseDatabase immudb systemdb ok",
      "WRITE Set immudb systemdb failed",
      "SYSTEM Health - - ok",
      "AUTH CloseSession immudb - ok",
      "AUTH OpenSession immudb systemdb ok",
    ]);
    assert.ok(events.every(({ ip }) => ip === "127.0.0.1"));
    assert.equal(events[0]?.err, "not logged in");
    assert.ok(!JSON.stringify(events).includes(headers.sessionid));
  });

  test("takes the caller's address from his connection, whatever he writes into a header", async () => {
    await using server = await startTestServer({ "audit-log": "true", "audit-log-events": "system" });
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url }));
    await client.health({}, { headers: { "x-forwarded-for": "6.6.6.6" } });
    const events = await eventsOf(server.url);
    assert.deepEqual(
      events.map(({ method, ip }) => [method.split("/").at(-1), ip]),
      [["Health", "127.0.0.1"]],
    );
  });

  test("is for administrators of the system alone, and nobody writes to it", async () => {
    await using server = await startTestServer({ "audit-log": "true" });
    const { client, headers } = await login(server.url, "systemdb");
    assert.match((await refusalOf(client.set({ KVs: [kv("audit:x")] }, { headers }))).text, /permission denied/);
    await client.createUser(
      { user: utf8("ann"), password: utf8("immudb"), permission: 1, database: "defaultdb" },
      { headers },
    );
    await assert.rejects(login(server.url, "systemdb", "ann"));
  });

  test("is complete after a kill: whoever was answered finds his call in it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "audit-"));
    try {
      const first = new ServerProcess(directory, "--audit-log");
      const url = `http://${await first.serving}`;
      const { client, headers } = await login(url);
      let answered = 0;
      const caller = async (id: number, calls: Pick<Client<typeof ImmuService>, "get">): Promise<void> => {
        for (;;) {
          await calls.get({ key: utf8(`${id}`) }, { headers }).catch((error) => {
            if (!String(error).includes("key not found")) throw error;
          });
          answered++;
        }
      };
      const callers = Array.from({ length: 8 }, (_, i) => caller(i, client).catch(() => {}));
      while (answered < 100) await new Promise((resolve) => setImmediate(resolve));
      const atLeast = answered;
      await first.kill();
      await Promise.all(callers);
      await using second = new ServerProcess(directory, "--audit-log");
      const gets = (await eventsOf(`http://${await second.serving}`)).filter(({ method }) => method.endsWith("/Get"));
      assert.ok(gets.length >= atLeast, `${gets.length} of ${atLeast}`);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("what a call is about", () => {
  test("is said of every method, and the exceptions are these", async () => {
    await using services = await Services.open();
    const kinds = new Map<CallKind, string[]>();
    for (const { kind, descriptor } of allMethods(services.room, undefined)) {
      kinds.set(kind, [...(kinds.get(kind) ?? []), descriptor.name]);
    }
    const of = (kind: CallKind): string => [...new Set(kinds.get(kind))].sort().join(" ");
    assert.equal(of("AUTH"), "CloseSession KeepAlive Login Logout OpenSession UseDatabase");
    assert.equal(of("SYSTEM"), "CompactIndex DatabaseHealth FlushIndex Health ServerInfo");
    assert.equal(
      of("ADMIN"),
      "ChangePassword ChangePermission ChangeSQLPrivileges CreateDatabase CreateDatabaseV2 CreateDatabaseWith CreateUser " +
        "DatabaseList DatabaseListV2 DeleteDatabase GetDatabaseSettings GetDatabaseSettingsV2 ListUsers LoadDatabase " +
        "SetActiveUser TruncateDatabase UnloadDatabase UpdateAuthConfig UpdateDatabase UpdateDatabaseV2 UpdateMTLSConfig",
    );
    assert.equal(
      of("WRITE"),
      "AddField Commit CreateCollection CreateIndex Delete DeleteCollection DeleteDocuments DeleteIndex ExecAll " +
        "InsertDocuments NewTx RemoveField ReplaceDocuments Rollback SQLExec Set SetReference TxSQLExec UpdateCollection " +
        "VerifiableSet VerifiableSetReference VerifiableZAdd ZAdd replicateTx streamExecAll streamSet streamVerifiableSet",
    );
  });
});
