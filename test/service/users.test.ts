import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type Client, Code } from "@connectrpc/connect";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { PermissionAction } from "../../gen/immudb/schema/user_pb.ts";
import { utf8, utf8ToString } from "../../src/base/bytes.ts";
import { USERNAME_LENGTH_MAX } from "../../src/base/limits.ts";
import { refusalOf, Services } from "./support.ts";

const set = { KVs: [{ key: utf8("k"), value: utf8("v") }] };
const { GRANT, REVOKE } = PermissionAction;
const SESSION_NOT_FOUND = "session not found";

describe("users", () => {
  let services: Services;
  let admin: Client<typeof ImmuService>;
  beforeEach(async () => {
    services = await Services.open();
    admin = await services.session();
    await admin.createDatabaseV2({ name: "books" });
    await admin.createDatabaseV2({ name: "art" });
  });
  afterEach(() => services[Symbol.asyncDispose]());

  const create = (by: Client<typeof ImmuService>, name: string, permission: number, database = "books") =>
    by.createUser({ user: utf8(name), password: utf8(name), permission, database });
  const grant = (name: string, permission: number, database = "books", action: PermissionAction = GRANT) =>
    admin.changePermission({ action, username: name, database, permission });
  const names = async (client: Client<typeof ImmuService>): Promise<string[]> =>
    (await client.listUsers({})).users.map(({ user }) => utf8ToString(user));

  test("are created with one permission, and listed without their passwords", async () => {
    await create(admin, "reader", 1, "Books");
    const { users } = await admin.listUsers({});
    assert.deepEqual(
      users.map(({ $typeName: _type, user, permissions, sqlPrivileges, ...rest }) => ({
        ...rest,
        sqlPrivileges: sqlPrivileges.map(({ database, privilege }) => [database, privilege]),
        user: utf8ToString(user),
        permissions: permissions.map(({ database, permission }) => [database, permission]),
      })),
      [
        {
          user: "immudb",
          permissions: [["*", 255]],
          createdby: "immudb",
          createdat: users[0]?.createdat,
          active: true,
          sqlPrivileges: [],
        },
        {
          user: "reader",
          permissions: [["books", 1]],
          createdby: "immudb",
          createdat: users[1]?.createdat,
          active: true,
          sqlPrivileges: [["books", "SELECT"]],
        },
      ],
    );
    assert.match(users[1]?.createdat ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const reader = await services.session("reader", "books");
    assert.equal((await refusalOf(reader.set(set))).text, "permission denied");
  });

  test("are refused when something about them is wrong", async () => {
    await create(admin, "one", 1);
    const refused: [Promise<unknown>, number, string][] = [
      [create(admin, "", 1), Code.Unknown, "username can not be empty"],
      [create(admin, "b d", 1), Code.InvalidArgument, "username can only contain letters, digits and underscores"],
      [
        create(admin, "n".repeat(USERNAME_LENGTH_MAX + 1), 1),
        Code.InvalidArgument,
        "username can have at most 63 characters",
      ],
      [create(admin, "one", 1), Code.Unknown, "user already exists"],
      [create(admin, "two", 0), Code.Unknown, "unrecognized permission"],
      [create(admin, "two", 255), Code.Unknown, "can not create another system admin"],
      [grant("one", 1, "books", 7 as PermissionAction), Code.InvalidArgument, "illegal arguments"],
      [create(admin, "two", 1, "nosuch"), Code.Unknown, "database nosuch does not exist"],
      [
        admin.createUser({ user: utf8("two"), password: utf8(""), permission: 1, database: "books" }),
        Code.Unknown,
        "password is empty",
      ],
      [
        admin.createUser({ user: utf8("two"), password: utf8("x".repeat(73)), permission: 1, database: "books" }),
        Code.InvalidArgument,
        "a password has at most 72 bytes",
      ],
    ];
    for (const [call, code, text] of refused) assert.deepEqual(await refusalOf(call), { code, text });
    assert.deepEqual(await names(admin), ["immudb", "one"]);
  });

  test("created at the same time under one name are one", async () => {
    const both = await Promise.allSettled([create(admin, "same", 1), create(admin, "same", 2)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });

  test("of one database are the business of its administrator", async () => {
    await create(admin, "owner", 254);
    await create(admin, "stranger", 1, "art");
    const owner = await services.session("owner", "books");
    await create(owner, "mine", 1);
    const forbidden = "you do not have permission on this database";
    assert.equal((await refusalOf(create(owner, "more", 1, "art"))).text, forbidden);
    assert.deepEqual(await names(owner), ["mine", "owner"]);
    const mine = await services.session("mine", "books");
    assert.deepEqual(await names(mine), ["mine"]);
    await owner.changePassword({ user: utf8("mine"), newPassword: utf8("other") });
    for (const name of ["stranger", "nosuch", "immudb"]) {
      const call = owner.changePassword({ user: utf8(name), newPassword: utf8("other") });
      assert.equal((await refusalOf(call)).text, `user ${name} was not found or it was not created by you`);
    }
    await owner.setActiveUser({ username: "mine", active: false });
    assert.equal(
      (await refusalOf(owner.setActiveUser({ username: "stranger", active: false }))).text,
      "user stranger was not found or it was not created by you",
    );
    // Who administers nothing any more has lost whom he created, too.
    await create(admin, "heir", 1);
    await grant("owner", 1);
    const former = await services.session("owner", "books");
    assert.ok((await refusalOf(former.setActiveUser({ username: "mine", active: true }))).text);
  });

  test("whose permission changes begin anew", async () => {
    await create(admin, "user", 1);
    const before = await services.session("user", "books");
    await grant("user", 2);
    assert.equal((await refusalOf(before.get({ key: utf8("k") }))).text, SESSION_NOT_FOUND);
    const after = await services.session("user", "books");
    await after.set(set);
    await grant("user", 2, "art");
    await grant("user", 2, "books", REVOKE);
    assert.equal((await refusalOf(services.session("user", "books"))).code, Code.PermissionDenied);
    await services.session("user", "art");
  });

  test("never get or lose what only the system administrator has", async () => {
    await create(admin, "user", 1);
    assert.equal((await refusalOf(grant("user", 255))).text, "can not create another system admin");
    assert.equal((await refusalOf(grant("immudb", 1))).text, "changing your own permissions is not allowed");
    await create(admin, "owner", 254);
    const owner = await services.session("owner", "books");
    const demote = owner.changePermission({ action: REVOKE, username: "immudb", database: "books", permission: 1 });
    assert.ok((await refusalOf(demote)).text);
    assert.equal(
      (await refusalOf(admin.setActiveUser({ username: "immudb", active: false }))).text,
      "changing your own status is not allowed",
    );
    assert.ok((await refusalOf(owner.setActiveUser({ username: "immudb", active: false }))).text);
  });

  test("that are not active cannot log in, and are logged out everywhere", async () => {
    await create(admin, "user", 2);
    const session = await services.session("user", "books");
    const login = { user: utf8("user"), password: utf8("user") };
    const { token } = await services.client().login(login);
    const byToken = services.client({ authorization: token });
    await byToken.databaseListV2({});
    await admin.setActiveUser({ username: "user", active: false });
    assert.equal((await refusalOf(session.set(set))).text, SESSION_NOT_FOUND);
    assert.equal((await refusalOf(byToken.databaseListV2({}))).text, "not logged in");
    assert.equal((await refusalOf(services.client().login(login))).text, "user is not active");
    await admin.setActiveUser({ username: "user", active: true });
    await services.client().login(login);
  });

  test("the system administrator's password needs the old one", async () => {
    const change = (old: string) =>
      admin.changePassword({ user: utf8("immudb"), oldPassword: utf8(old), newPassword: utf8("new") });
    assert.deepEqual(await refusalOf(change("wrong")), {
      code: Code.PermissionDenied,
      text: "old password is incorrect",
    });
    await change("immudb");
    assert.equal((await refusalOf(admin.listUsers({}))).text, SESSION_NOT_FOUND);
    assert.equal((await refusalOf(services.session())).text, "invalid user name or password");
  });

  test("have the SQL privileges that come with their permission until others are given or taken", async () => {
    await create(admin, "reader", 1);
    await create(admin, "writer", 2);
    const of = async (name: string): Promise<string> => {
      const found = (await admin.listUsers({})).users.find(({ user }) => utf8ToString(user) === name);
      return (found?.sqlPrivileges ?? []).map(({ database, privilege }) => `${database}:${privilege}`).join(" ");
    };
    const change = (username: string, privileges: string[], action: PermissionAction = GRANT, database = "Books") =>
      admin.changeSQLPrivileges({ action, username, database, privileges });
    assert.equal(await of("reader"), "books:SELECT");
    const all = ["SELECT", "CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER"];
    assert.equal(await of("writer"), all.map((privilege) => `books:${privilege}`).join(" "));
    const session = await services.session("writer", "books");
    await change("writer", ["INSERT", "UPDATE"], REVOKE);
    assert.equal((await refusalOf(session.set(set))).text, SESSION_NOT_FOUND);
    assert.equal(await of("writer"), "books:SELECT books:CREATE books:DELETE books:DROP books:ALTER");
    await change("reader", ["INSERT", "SELECT"]);
    assert.equal(await of("reader"), "books:SELECT books:INSERT");
    await change("reader", all, REVOKE);
    assert.equal(await of("reader"), "");
    await grant("reader", 1);
    assert.equal(await of("reader"), "books:SELECT");
    const refused: [Promise<unknown>, number, string][] = [
      [change("reader", ["EXECUTE"]), Code.InvalidArgument, "unrecognized SQL privilege 'EXECUTE'"],
      [change("nosuch", ["SELECT"]), Code.NotFound, "user nosuch not found"],
      [change("reader", ["SELECT"], GRANT, "nosuch"), Code.InvalidArgument, "database does not exist"],
      [
        change("reader", ["SELECT"], GRANT, "art"),
        Code.InvalidArgument,
        "user reader has no permission on this database",
      ],
      [change("immudb", ["SELECT"]), Code.InvalidArgument, "changing your own privileges is not allowed"],
    ];
    for (const [call, code, text] of refused) assert.deepEqual(await refusalOf(call), { code, text });
    await create(admin, "owner", 254);
    const owner = await services.session("owner", "books");
    await owner.changeSQLPrivileges({ username: "writer", database: "books", privileges: ["INSERT"] });
    const foreign = owner.changeSQLPrivileges({ username: "writer", database: "art", privileges: ["INSERT"] });
    assert.equal((await refusalOf(foreign)).text, "you do not have permission on this database");
    const highest = owner.changeSQLPrivileges({ username: "immudb", database: "books", privileges: ["INSERT"] });
    assert.equal((await refusalOf(highest)).text, "can not create another system admin");
  });

  test("change their own passwords, when they know the old ones", async () => {
    await create(admin, "user", 1);
    const user = await services.session("user", "books");
    const change = (old: string) =>
      user.changePassword({ user: utf8("user"), oldPassword: utf8(old), newPassword: utf8("new") });
    assert.deepEqual(await refusalOf(change("wrong")), {
      code: Code.PermissionDenied,
      text: "old password is incorrect",
    });
    await change("user");
    assert.equal((await refusalOf(user.listUsers({}))).text, SESSION_NOT_FOUND);
    const request = { username: utf8("user"), password: utf8("new"), databaseName: "books" };
    await services.client().openSession(request);
  });

  test("authentication and certificates are set when the server starts", async () => {
    assert.equal((await refusalOf(admin.updateAuthConfig({ kind: 1 }))).text, "operation not supported");
    assert.equal((await refusalOf(admin.updateMTLSConfig({ enabled: true }))).text, "operation not supported");
  });
});
