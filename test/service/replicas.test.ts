// Replicas of a running server: made, changed, unloaded and loaded over the wire, following a second server in this process.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Client, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { toHex } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { credentialHeaders } from "../../src/client/credentials.ts";
import { createNodeTransport, type NodeTransport } from "../../src/client/node.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { refusalOf } from "./support.ts";

const PASSWORD = "immudb";

/** The system administrator at one of the servers. */
class Admin {
  readonly client: ImmuClient;
  readonly rpc: Client<typeof ImmuService>;
  readonly #transport: NodeTransport;

  private constructor(address: string) {
    this.#transport = createNodeTransport(address);
    this.client = new ImmuClient(this.#transport, { address });
    this.rpc = createClient(ImmuService, this.#transport);
  }

  static async at({ host, port }: TestServer): Promise<Admin> {
    const admin = new Admin(`${host}:${port}`);
    await admin.client.openSession("immudb", PASSWORD);
    return admin;
  }

  get call(): { headers: Record<string, string> } {
    return { headers: credentialHeaders(this.client.credentials) };
  }

  async state(database: string): Promise<string> {
    await this.client.useDatabase(database);
    const { txId, txHash } = await this.client.currentState();
    return `${txId} ${toHex(txHash)}`;
  }

  close(): void {
    this.#transport.close();
  }
}

let primaryServer: TestServer;
let replicaServer: TestServer;
let primary: Admin;
let replica: Admin;
before(async () => {
  [primaryServer, replicaServer] = await Promise.all([startTestServer(), startTestServer()]);
  [primary, replica] = await Promise.all([Admin.at(primaryServer), Admin.at(replicaServer)]);
  await primary.rpc.createDatabaseV2({ name: "books" }, primary.call);
  await primary.client.useDatabase("books");
  for (let i = 0; i < 20; i++) await primary.client.set(`k${i}`, `v${i}`);
});
after(async () => {
  primary.close();
  replica.close();
  await Promise.all([primaryServer[Symbol.asyncDispose](), replicaServer[Symbol.asyncDispose]()]);
});

/** Settings of a replica of `books`. */
function follows(primaryDatabase = "books") {
  return {
    replicationSettings: {
      replica: { value: true },
      primaryDatabase: { value: primaryDatabase },
      primaryHost: { value: primaryServer.host },
      primaryPort: { value: primaryServer.port },
      primaryUsername: { value: "immudb" },
      primaryPassword: { value: PASSWORD },
    },
  };
}

async function untilLevel(database: string): Promise<void> {
  while ((await replica.state(database)) !== (await primary.state("books"))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function writeMore(): Promise<void> {
  await primary.client.useDatabase("books");
  await primary.client.set("more", "than before");
}

describe("a database that is made a replica", () => {
  test("follows its primary, refuses writes in the words of the original, and never shows its password", async () => {
    const made = await replica.rpc.createDatabaseV2({ name: "copy", settings: follows() }, replica.call);
    await untilLevel("copy");
    await writeMore();
    await untilLevel("copy");
    assert.deepEqual(await refusalOf(replica.client.set("k", "v")), {
      code: 2,
      text: "database is read-only because it's a replica",
    });
    const settings = await replica.rpc.getDatabaseSettingsV2({}, replica.call);
    const { databases } = await replica.rpc.databaseListV2({}, replica.call);
    const listed = databases.find(({ name }) => name === "copy")?.settings;
    for (const shown of [made.settings, settings.settings, listed]) {
      assert.equal(shown?.replicationSettings?.primaryUsername?.value, "immudb");
      assert.equal(shown?.replicationSettings?.primaryPassword?.value, "");
    }
  });

  test("stands still while it is unloaded, and goes on when it is loaded again", async () => {
    await replica.rpc.unloadDatabase({ database: "copy" }, replica.call);
    await writeMore();
    await replica.rpc.loadDatabase({ database: "copy" }, replica.call);
    await untilLevel("copy");
  });

  test("is promoted and made a replica again by its settings, and keeps the password that nobody names", async () => {
    const change = (value: boolean) =>
      replica.rpc.updateDatabaseV2(
        { database: "copy", settings: { replicationSettings: { replica: { value } } } },
        replica.call,
      );
    await change(false);
    await writeMore();
    await replica.client.useDatabase("copy");
    const before = await replica.client.currentState();
    await change(true);
    await untilLevel("copy");
    assert.notEqual((await replica.client.currentState()).txId, before.txId);
    await change(false);
    await replica.client.useDatabase("copy");
    await replica.client.set("of its own", "now");
  });

  test("comes back when its server does", async () => {
    await replica.rpc.createDatabaseV2({ name: "second", settings: follows() }, replica.call);
    await untilLevel("second");
    replica.close();
    await replicaServer.restart();
    replica = await Admin.at(replicaServer);
    await writeMore();
    await untilLevel("second");
  });
});
