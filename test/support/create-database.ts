import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import type { TestServer } from "./test-server.ts";

export async function createDatabase(server: TestServer, name: string): Promise<void> {
  const transport = createNodeTransport(`${server.host}:${server.port}`);
  try {
    const rpc = createClient(ImmuService, transport);
    const session = await rpc.openSession({
      username: utf8(server.user),
      password: utf8(server.password),
      databaseName: "defaultdb",
    });
    await rpc.createDatabaseV2({ name }, { headers: { sessionid: session.sessionID } });
  } finally {
    transport.close();
  }
}
