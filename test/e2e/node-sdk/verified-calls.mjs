// The verified calls of the existing Node SDK, and the rest that plain-calls.mjs leaves out, on a database whose transactions
// have header version 0: verified-calls.mjs SDK_FOLDER HOST PORT USER PASSWORD STATE_FILE DATABASE

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [folder, host, port, user, password, rootPath, databasename] = process.argv.slice(2);
const { default: ImmudbClient } = createRequire(`${folder}/package.json`)("immudb-node");
const client = new ImmudbClient({ host, port, rootPath });
await client.login({ user, password });
await client.useDatabase({ databasename });
const refused = (call, text) => assert.rejects(call, (error) => String(error).includes(text));

// Written and proven, each on the state that the one before left; read and proven, older and newer than the state.
for (let n = 1; n <= 5; n++) {
  const written = await client.verifiedSet({ key: `key:${n}`, value: `value ${n}` });
  assert.equal(written.id, n);
}
await client.set({ key: "plain", value: "not verified when written" });
for (let n = 1; n <= 5; n++) {
  const { tx, value } = await client.verifiedGet({ key: `key:${n}` });
  assert.deepEqual([tx, value], [n, `value ${n}`]);
}
assert.equal((await client.verifiedGet({ key: "plain" })).tx, 6);
assert.equal((await client.verifiedGetAt({ key: "key:2", attx: 2 })).value, "value 2");
assert.equal((await client.verifiedGetSince({ key: "key:3", sincetx: 6 })).value, "value 3");
await refused(client.verifiedGet({ key: "nothing" }), "tbtree: key not found");

// References and sets, plain and proven, bound and unbound.
assert.equal((await client.verifiedSetReference({ key: "ref", referencedKey: "key:1" })).id, 7);
const followed = await client.verifiedGet({ key: "ref" });
assert.deepEqual([followed.key, followed.value], ["key:1", "value 1"]);
await client.setReferenceAt({ key: "bound", referencedKey: "key:2", attx: 2 });
assert.equal((await client.get({ key: "bound" })).value, "value 2");
await refused(client.setReference({ key: "chain", referencedKey: "ref" }), "referenced key cannot be a reference");
assert.equal((await client.verifiedZAdd({ set: "set", score: 2.5, key: "key:1" })).id, 9);
await client.zAdd({ set: "set", score: 1, key: "key:2" });
await client.zAddAt({ set: "set", score: 3, key: "key:3", attx: 3 });
const members = await client.zScan({ set: "set", limit: 10, desc: false });
assert.deepEqual(
  members.entriesList.map(({ key, score, attx }) => [key, score, attx]),
  [
    ["key:2", 1, 0],
    ["key:1", 2.5, 0],
    ["key:3", 3, 3],
  ],
);
const some = await client.zScan({ set: "set", limit: 1, desc: true, maxscore: { score: 3 } });
assert.deepEqual(
  some.entriesList.map(({ key }) => key),
  ["key:1"],
);

// Transactions, and everything that is left.
const proven = await client.verifiedTxById({ tx: 3 });
assert.equal(proven.entriesList.length, 1);
assert.equal((await client.currentState()).txid, 11);
assert.equal((await client.countAll()).count, 8);
await refused(client.updateAuthConfig({ kind: 1 }), "operation not supported");
await refused(client.updateMTLSConfig({ enabled: true }), "operation not supported");

// Users, and one who may only read.
await client.createUser({ user: "reader", password: "Reader-1", permission: 1, database: databasename });
const { usersList } = await client.listUsers();
assert.ok(usersList.some((listed) => listed.user === "reader" && listed.active));
const reader = new ImmudbClient({ host, port, rootPath: `${rootPath}-reader` });
await reader.login({ user: "reader", password: "Reader-1" });
await reader.useDatabase({ databasename });
assert.equal((await reader.verifiedGet({ key: "key:1" })).value, "value 1");
await refused(reader.set({ key: "key:1", value: "x" }), "permission denied");
await client.changePermission({ action: 0, username: "reader", database: databasename, permission: 2 });
await refused(reader.get({ key: "key:1" }), "not logged in");
await client.setActiveUser({ active: false, username: "reader" });
await refused(reader.login({ user: "reader", password: "Reader-1" }), "user is not active");
await client.setActiveUser({ active: true, username: "reader" });
await client.changePassword({ user: "reader", oldpassword: "Reader-1", newpassword: "Reader-2" });
await refused(reader.login({ user: "reader", password: "Reader-1" }), "invalid user name or password");

await client.logout();
client.client.close();
reader.client.close();
console.log("verified calls: done");
