import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CredentialStore } from "../../../src/auth/credential-store.ts";
import { PasswordHasher } from "../../../src/auth/password.ts";
import { isDefaultPassword, SUPERADMIN, Users } from "../../../src/auth/users.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { lmdbDriver } from "../../../src/store/engine-lmdb.ts";
import { CHEAP, codeOf, TestClock } from "./support.ts";

const hasher = new PasswordHasher(systemRandom, CHEAP);

describe("users", () => {
  let directory: string;
  let store: CredentialStore;
  const usersOf = (s: CredentialStore) => new Users(s, hasher, new TestClock());

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "credentials-"));
    store = await CredentialStore.open(lmdbDriver, directory);
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  test("the system administrator is created once and keeps his password", async () => {
    assert.equal(await usersOf(store).ensureSuperadmin("first"), "created");
    assert.equal(await usersOf(store).ensureSuperadmin("second"), "existed");
    assert.deepEqual(await Promise.all(["first", "second"].map((word) => usersOf(store).superadminHas(word))), [
      true,
      false,
    ]);
    assert.equal(await usersOf(store).superadminHasDefault(), false);
    const admin = await usersOf(store).authenticate(SUPERADMIN, utf8("first"));
    assert.equal(admin.sysadmin, true);
    assert.equal(usersOf(store).size, 1);
  });

  test("who is changed while his password is checked is judged as he is then", async () => {
    let release = (): void => {};
    let gate: Promise<void> | undefined;
    const gated = new PasswordHasher(systemRandom, CHEAP, async (password, _salt, length) => {
      await gate;
      return Buffer.alloc(length, password);
    });
    const users = new Users(store, gated, new TestClock());
    /** Who logs in with this password while something is changed. */
    const loginDuring = async (password: string, change: () => Promise<void>): Promise<unknown> => {
      gate = new Promise((resolve) => {
        release = resolve;
      });
      const outcome = codeOf(() => users.authenticate("ann", utf8(password)));
      await new Promise((resolve) => setImmediate(resolve));
      gate = undefined;
      await change();
      release();
      return await outcome;
    };
    await users.create({ name: "ann", password: utf8("old"), database: "books", permission: "read", createdBy: "x" });
    const change = (): Promise<void> => users.setPassword("ann", utf8("new"));
    assert.equal(await loginDuring("old", change), "invalid_credentials");
    assert.equal(await loginDuring("new", () => users.setActive("ann", false)), "user_inactive");
    assert.equal(await loginDuring("new", () => users.setActive("ann", true)), "no error");
  });

  test("users are still there after a restart, with every field", async () => {
    const reader = {
      name: "reader",
      sysadmin: false,
      permissions: new Map([["books", "read"] as const]),
      sqlPrivileges: new Map(),
      active: true,
      createdBy: SUPERADMIN,
      createdAtMs: 1_700_000_000_000,
      password: await hasher.hash(utf8("pw")),
    };
    await store.put(reader);
    await store[Symbol.asyncDispose]();
    store = await CredentialStore.open(lmdbDriver, directory);
    const { hash, salt, ...cost } = reader.password;
    const found = store.get("reader");
    assert.ok(found);
    assert.deepEqual(Buffer.from(found.password.hash), Buffer.from(hash));
    assert.deepEqual(Buffer.from(found.password.salt), Buffer.from(salt));
    assert.deepEqual(
      { ...found, password: { ...found.password, hash, salt } },
      { ...reader, password: { ...cost, hash, salt } },
    );
  });

  test("no password is on disk, only its hash", async () => {
    await usersOf(store).ensureSuperadmin("correct horse battery");
    await store[Symbol.asyncDispose]();
    const bytes = await readFile(join(directory, "data.mdb"));
    assert.ok(bytes.includes("scrypt"), "the record is in the file that was searched");
    assert.ok(!bytes.includes("correct horse"));
    store = await CredentialStore.open(lmdbDriver, directory);
  });

  test("a wrong password and an unknown user are refused alike", async () => {
    await usersOf(store).ensureSuperadmin("right");
    const refusals = [];
    for (const [name, password] of [
      [SUPERADMIN, "wrong"],
      ["nobody", "right"],
      ["", ""],
    ] as const) {
      const error: Error & { code?: string; data?: object } = await usersOf(store)
        .authenticate(name, utf8(password))
        .then(
          () => assert.fail("let in"),
          (e) => e,
        );
      refusals.push({ code: error.code, message: error.message, data: error.data, cause: error.cause });
    }
    for (const refusal of refusals) assert.deepEqual(refusal, refusals[0]);
    assert.equal(refusals[0]?.code, "invalid_credentials");
  });

  test("an inactive user hears so only when he knows his password", async () => {
    const password = await hasher.hash(utf8("pw"));
    const user = {
      name: "u",
      sysadmin: false,
      permissions: new Map(),
      sqlPrivileges: new Map(),
      active: false,
      createdBy: "immudb",
      createdAtMs: 0,
    };
    await store.put({ ...user, password });
    assert.equal(await codeOf(() => usersOf(store).authenticate("u", utf8("pw"))), "user_inactive");
    assert.equal(await codeOf(() => usersOf(store).authenticate("u", utf8("no"))), "invalid_credentials");
  });

  test("a record that cannot be read stops the opening, naming the user", async () => {
    await store[Symbol.asyncDispose]();
    const engine = await lmdbDriver.open(directory, { durable: true });
    const table = engine.table("users");
    await engine.write((batch) => batch.put(table, utf8("broken"), utf8("{")));
    await engine.close();
    const error = await CredentialStore.open(lmdbDriver, directory).then(
      () => assert.fail("opened"),
      (e) => e,
    );
    assert.equal(error.code, "credentials_damaged");
    assert.equal(error.data.user, "broken");
    await rm(directory, { recursive: true });
    store = await CredentialStore.open(lmdbDriver, directory);
  });

  test("only the system administrator's own default password counts as the default", async () => {
    await usersOf(store).ensureSuperadmin("immudb");
    assert.equal(await usersOf(store).superadminHasDefault(), true);
    const admin = await usersOf(store).authenticate(SUPERADMIN, utf8("immudb"));
    assert.equal(isDefaultPassword(admin, utf8("immudb")), true);
    assert.equal(isDefaultPassword(admin, utf8("other")), false);
    assert.equal(isDefaultPassword({ ...admin, name: "u" }, utf8("immudb")), false);
  });
});
