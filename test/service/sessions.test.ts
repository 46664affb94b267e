import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import { ADMIN, refusalOf, Services } from "./support.ts";

const key = utf8("k");
const INVALID_CREDENTIALS = { code: Code.Unknown, text: "invalid user name or password", info: "08004" };
const NOT_LOGGED_IN = { code: Code.Unknown, text: "not logged in", info: "28000" };
const NO_SESSION = { code: Code.Unknown, text: "no session auth data provided", info: "28000" };
const SESSION_NOT_FOUND = { code: Code.PermissionDenied, text: "session not found", info: "08001" };
const SELECT_DATABASE = { code: Code.Unknown, text: "please select a database first" };

describe("sessions", () => {
  let services: Services;
  beforeEach(async () => {
    services = await Services.open();
  });
  afterEach(() => services[Symbol.asyncDispose]());

  test("a session serves its database until it is closed", async () => {
    const { sessionID, serverUUID } = await services.client().openSession(ADMIN);
    assert.equal(serverUUID, services.room.databases.serverUuid);
    const client = services.client({ sessionid: sessionID });
    await client.set({ KVs: [{ key, value: key }] });
    await client.keepAlive({});
    assert.equal((await client.currentState({})).db, "defaultdb");
    await client.closeSession({});
    for (const call of [() => client.keepAlive({}), () => client.get({ key }), () => client.closeSession({})]) {
      assert.deepEqual(await refusalOf(call()), SESSION_NOT_FOUND);
    }
  });

  test("without credentials a call is refused in the words of its method", async () => {
    const nobody = services.client();
    assert.deepEqual(await refusalOf(nobody.get({ key })), NOT_LOGGED_IN);
    assert.deepEqual(await refusalOf(nobody.logout({})), NOT_LOGGED_IN);
    assert.deepEqual(await refusalOf(nobody.listUsers({})), NOT_LOGGED_IN);
    assert.deepEqual(await refusalOf(nobody.keepAlive({})), NO_SESSION);
    assert.deepEqual(await refusalOf(nobody.closeSession({})), NO_SESSION);
    assert.deepEqual(await refusalOf(nobody.databaseListV2({})), { code: Code.Unknown, text: "please login" });
  });

  test("a wrong password and an unknown user are refused alike, by every way in", async () => {
    const nobody = services.client();
    const authorization = services.clientOf(AuthorizationService);
    const [user, wrong] = [utf8("immudb"), utf8("x")];
    for (const call of [
      () => nobody.openSession({ ...ADMIN, password: wrong }),
      () => nobody.openSession({ ...ADMIN, username: wrong }),
      () => nobody.openSession({}),
      () => nobody.login({ user, password: wrong }),
      () => nobody.login({}),
      () => authorization.openSession({ username: "immudb", password: "x", database: "defaultdb" }),
    ]) {
      assert.deepEqual(await refusalOf(call()), INVALID_CREDENTIALS);
    }
  });

  test("opening checks password, then activity, then the database, then the permission on it", async () => {
    await services.addUser("reader", { books: "read" });
    await services.addUser("gone", { defaultdb: "read" }, false);
    const open = (name: string, databaseName: string, password = name) =>
      refusalOf(services.client().openSession({ username: utf8(name), password: utf8(password), databaseName }));
    assert.deepEqual(await open("gone", "nosuch", "wrong"), INVALID_CREDENTIALS);
    assert.deepEqual(await open("gone", "nosuch"), { code: Code.Unknown, text: "user is not active", info: "08004" });
    assert.deepEqual(await open("reader", "nosuch"), { code: Code.Unknown, text: "database does not exist" });
    assert.deepEqual(await open("reader", ""), { code: Code.Unknown, text: "database does not exist" });
    assert.deepEqual(await open("reader", "defaultdb"), {
      code: Code.PermissionDenied,
      text: "Logged in user does not have permission on this database",
    });
  });

  test("the name of the database may be written in capitals", async () => {
    const { sessionID } = await services.client().openSession({ ...ADMIN, databaseName: "DefaultDB" });
    assert.equal((await services.client({ sessionid: sessionID }).currentState({})).db, "defaultdb");
  });

  test("an unknown session is refused even where nobody need log in, except when opening another", async () => {
    const stale = services.client({ sessionid: "deadbeef" });
    assert.deepEqual(await refusalOf(stale.health({})), SESSION_NOT_FOUND);
    assert.deepEqual(
      await refusalOf(stale.login({ user: utf8("immudb"), password: utf8("immudb") })),
      SESSION_NOT_FOUND,
    );
    assert.ok((await stale.openSession(ADMIN)).sessionID);
  });

  test("silence ends a session; a call of any kind keeps it", async () => {
    const client = await services.session();
    services.clock.ms += 300_000;
    await client.health({});
    services.clock.ms += 300_000;
    await client.keepAlive({});
    services.clock.ms += 300_001;
    assert.deepEqual(await refusalOf(client.keepAlive({})), SESSION_NOT_FOUND);
  });

  test("UseDatabase moves a session to another database", async () => {
    const client = await services.session();
    await client.createDatabaseV2({ name: "books" });
    assert.notEqual((await client.useDatabase({ databaseName: "BOOKS" })).token, "");
    assert.equal((await client.currentState({})).db, "books");
  });

  test("the newer service opens, keeps and closes the same sessions, and says when they end", async () => {
    const nobody = services.clientOf(AuthorizationService);
    const opened = await nobody.openSession({ username: "immudb", password: "immudb", database: "defaultdb" });
    assert.equal(opened.serverUUID, services.room.databases.serverUuid);
    assert.equal(opened.inactivityTimestamp, services.clock.ms / 1000 + 300);
    assert.equal(opened.expirationTimestamp, 0);
    const headers = { sessionid: opened.sessionID };
    await services.clientOf(AuthorizationService, headers).keepAlive({});
    await services.client(headers).set({ KVs: [{ key, value: key }] });
    await services.clientOf(AuthorizationService, headers).closeSession({});
    assert.deepEqual(await refusalOf(services.client(headers).get({ key })), SESSION_NOT_FOUND);
  });
});

describe("the number of sessions", () => {
  test("is limited, and closing one makes room", async () => {
    await using services = await Services.open({ sessionsMax: 1 });
    const first = await services.session();
    assert.deepEqual(await refusalOf(services.client().openSession(ADMIN)), {
      code: Code.Internal,
      text: "can not create new session: max sessions number reached",
      info: "XX000",
    });
    await first.closeSession({});
    await services.session();
  });
});

describe("login tokens", () => {
  let services: Services;
  beforeEach(async () => {
    services = await Services.open();
  });
  afterEach(() => services[Symbol.asyncDispose]());

  const login = () => services.client().login({ user: utf8("immudb"), password: utf8("immudb") });
  const bearing = (token: string) => services.client({ authorization: `Bearer ${token}` });

  test("work at once while there is nothing but the default database and one user", async () => {
    const { token } = await login();
    await bearing(token).set({ KVs: [{ key, value: key }] });
  });

  test("name no database once there is a choice; UseDatabase gives one that does", async () => {
    await (await services.session()).createDatabaseV2({ name: "books" });
    const { token } = await login();
    assert.deepEqual(await refusalOf(bearing(token).get({ key })), SELECT_DATABASE);
    const { token: chosen } = await bearing(token).useDatabase({ databaseName: "books" });
    assert.notEqual(chosen, token);
    assert.equal((await bearing(chosen).currentState({})).db, "books");
    assert.deepEqual(await refusalOf(bearing(token).get({ key })), SELECT_DATABASE);
  });

  test("name no database when there is another user", async () => {
    await services.addUser("reader", { defaultdb: "read" });
    assert.deepEqual(await refusalOf(bearing((await login()).token).get({ key })), SELECT_DATABASE);
  });

  test("come with a warning while the administrator has the default password", async () => {
    const { warning } = await login();
    assert.equal(
      utf8ToString(warning),
      "immudb user has the default password: please change it to ensure proper security",
    );
    await services.addUser("reader", { defaultdb: "read" });
    assert.equal((await services.client().login({ user: utf8("reader"), password: utf8("reader") })).warning.length, 0);
  });

  test("are taken bare and with any spelling of Bearer", async () => {
    const { token } = await login();
    for (const authorization of [token, `Bearer ${token}`, `bearer ${token}`]) {
      await services.client({ authorization }).currentState({});
    }
  });

  test("that are junk, unknown or too old are refused, each in its own words", async () => {
    assert.deepEqual(await refusalOf(bearing("junk").get({ key })), {
      code: Code.Internal,
      text: "invalid token",
      info: "XX000",
      cause: "malformed token: expected at least 3 pieces",
    });
    assert.deepEqual(await refusalOf(bearing(`${"A".repeat(43)}=`).get({ key })), NOT_LOGGED_IN);
    const { token } = await login();
    services.clock.ms += 86_400_001;
    assert.deepEqual(await refusalOf(bearing(token).get({ key })), { code: Code.Unknown, text: "token has expired" });
  });

  test("do no harm where nobody need log in, and are no session", async () => {
    assert.equal((await bearing("junk").health({})).status, true);
    assert.deepEqual(await refusalOf(bearing((await login()).token).keepAlive({})), NO_SESSION);
  });

  test("give way to a session when both come", async () => {
    const { sessionID } = await services.client().openSession(ADMIN);
    const both = services.client({ sessionid: sessionID, authorization: "Bearer junk" });
    assert.equal((await both.currentState({})).db, "defaultdb");
  });

  test("die with the logout of their login, and with no other one", async () => {
    const [a, b] = [(await login()).token, (await login()).token];
    const { token: selected } = await bearing(a).useDatabase({ databaseName: "defaultdb" });
    await bearing(selected).logout({});
    for (const token of [a, selected])
      assert.deepEqual(await refusalOf(bearing(token).currentState({})), NOT_LOGGED_IN);
    await bearing(b).currentState({});
  });

  test("of a database that was deleted say so until another is chosen", async () => {
    const admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    const { token } = await bearing((await login()).token).useDatabase({ databaseName: "books" });
    await admin.unloadDatabase({ database: "books" });
    assert.deepEqual(await refusalOf(bearing(token).get({ key })), { code: Code.Unknown, text: "already closed" });
    await admin.deleteDatabase({ database: "books" });
    assert.deepEqual(await refusalOf(bearing(token).get({ key })), {
      code: Code.Unknown,
      text: "database does not exist",
    });
    const { token: other } = await bearing(token).useDatabase({ databaseName: "defaultdb" });
    await bearing(other).currentState({});
  });
});

describe("without authentication", () => {
  test("this machine is served on the default database, and may not administer", async () => {
    await using services = await Services.open({ authentication: false });
    const nobody = services.client();
    await nobody.set({ KVs: [{ key, value: key }] });
    assert.equal((await nobody.currentState({})).db, "defaultdb");
    assert.deepEqual(
      (await nobody.databaseList({})).databases.map((d) => d.databaseName),
      ["defaultdb"],
    );
    assert.deepEqual(await refusalOf(nobody.createDatabaseV2({ name: "books" })), {
      code: Code.Unknown,
      text: "loggedin user does not have permissions for this operation",
    });
    assert.match((await refusalOf(nobody.openSession(ADMIN))).text, /authentication disabled/);
    assert.match((await refusalOf(nobody.login({}))).text, /authentication disabled/);
    const { token } = await nobody.useDatabase({ databaseName: "defaultdb" });
    assert.equal((await services.client({ authorization: token }).currentState({})).db, "defaultdb");
    for (const call of [
      nobody.listUsers({}),
      nobody.createUser({}),
      nobody.changePassword({}),
      nobody.changePermission({}),
      nobody.changeSQLPrivileges({}),
      nobody.setActiveUser({}),
    ])
      assert.match((await refusalOf(call)).text, /authentication disabled/);
  });

  test("other machines are refused, and still told that the server is there", async () => {
    for (const peer of ["192.168.1.7", "::ffff:10.0.0.1", "2001:db8::1", "1127.0.0.1"]) {
      await using services = await Services.open({ authentication: false, peer });
      assert.equal((await services.client().health({})).status, true);
      assert.equal((await refusalOf(services.client().get({ key }))).code, Code.PermissionDenied, peer);
    }
  });

  test("every name of this machine counts", async () => {
    for (const peer of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
      await using services = await Services.open({ authentication: false, peer });
      await services.client().currentState({});
    }
  });
});
