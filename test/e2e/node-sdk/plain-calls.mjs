// The plain calls of the existing Node SDK: plain-calls.mjs SDK_FOLDER HOST PORT USER PASSWORD STATE_FILE
//
// Its verified calls know header version 0 only: verified-calls.mjs.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [folder, host, port, user, password, rootPath] = process.argv.slice(2);
const { default: ImmudbClient } = createRequire(`${folder}/package.json`)("immudb-node");
const client = new ImmudbClient({ host, port, rootPath });

const login = await client.login({ user, password });
assert.ok(login.token.length > 0);
const { databasesList } = await client.listDatabases();
assert.deepEqual(databasesList, [{ databasename: "defaultdb" }]);
await client.createDatabase({ databasename: "nodesdk" });
const used = await client.useDatabase({ databasename: "nodesdk" });
assert.ok(used.token.length > 0);

const health = await client.health();
assert.equal(health.status, true);
assert.match(health.version, /^\d+\.\d+\.\d+$/);

const set = await client.set({ key: "fruit:apple", value: "red" });
assert.deepEqual([set.id, set.nentries], [1, 1]);
await client.set({ key: "fruit:apple", value: "green" });
const batch = await client.setAll({
  kvsList: [
    { key: "fruit:banana", value: "yellow" },
    { key: "fruit:cherry", value: "dark" },
  ],
});
assert.deepEqual([batch.id, batch.nentries], [3, 2]);

assert.deepEqual(await client.get({ key: "fruit:apple" }), { tx: 2, key: "fruit:apple", value: "green" });
await assert.rejects(client.get({ key: "fruit:none" }), (text) => /tbtree: key not found/.test(text));

const all = await client.getAll({ keysList: ["fruit:cherry", "fruit:none", "fruit:apple"], sincetx: 3 });
assert.deepEqual(valuesOf(all), ["dark", "green"]);

const scan = await client.scan({ seekkey: "", prefix: "fruit:", desc: false, limit: 10, sincetx: 3, nowait: false });
assert.deepEqual(valuesOf(scan), ["green", "yellow", "dark"]);

const history = await client.history({ key: "fruit:apple", offset: 0, limit: 10, desc: true, sincetx: 3 });
assert.deepEqual(valuesOf(history), ["green", "red"]);

assert.equal((await client.count({ prefix: "fruit:" })).count, 3);
const state = await client.currentState();
assert.equal(state.txid, 3);

const tx = await client.txById({ tx: 3 });
assert.equal(tx.entriesList.length, 2);

await client.logout();
client.client.close();
console.log("plain calls: done");

function valuesOf({ entriesList }) {
  return entriesList.map((entry) => entry.value);
}
