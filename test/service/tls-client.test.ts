// Our own client over TLS, and what the programs say when it does not come about.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { type Failure, failureOf, UsageError } from "../../src/cli/exit-codes.ts";
import { clientTls, type TlsOptions } from "../../src/cli/immuclient/tls-options.ts";
import { type ClientTls, createNodeTransport } from "../../src/client/node.ts";
import { Authority, selfSigned, writePair } from "../support/certificates.ts";
import { startTestServer } from "../support/test-server.ts";
import { startTlsServer } from "../support/tls-server.ts";
import { ADMIN } from "./support.ts";

const NONE: TlsOptions = { tls: false, mtls: false };

/** undefined: the server answered. */
async function failureAt(port: number, tls: ClientTls | undefined): Promise<Failure | undefined> {
  const address = `127.0.0.1:${port}`;
  const transport = createNodeTransport(address, tls === undefined ? {} : { tls });
  try {
    await createClient(ImmuService, transport).health({});
    return undefined;
  } catch (error) {
    return failureOf(error, address);
  } finally {
    transport.close();
  }
}

describe("a client over TLS", () => {
  test("is served when it trusts the server's authority, or the server's own certificate", async () => {
    await using server = await startTlsServer();
    const trusted = clientTls({ ...NONE, clientcas: server.authorityFile });
    assert.equal(await failureAt(server.port, trusted), undefined);
    await using alone = await startTlsServer({}, { credentials: await selfSigned() });
    assert.equal(await failureAt(alone.port, clientTls({ ...NONE, clientcas: alone.files.certificate })), undefined);
  });

  test("gets every answer of many calls at once", async () => {
    await using server = await startTlsServer();
    const tls = clientTls({ ...NONE, clientcas: server.authorityFile });
    const transport = createNodeTransport(`127.0.0.1:${server.port}`, { tls: tls ?? {} });
    const client = createClient(ImmuService, transport);
    try {
      const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
      const [key, value] = [utf8("k"), utf8("v")];
      await client.set({ KVs: [{ key, value }] }, { headers });
      const ask = async (): Promise<void> => {
        for (let i = 0; i < 15; i++) assert.deepEqual((await client.get({ key }, { headers })).value, value);
      };
      await Promise.all(Array.from({ length: 50 }, ask));
    } finally {
      transport.close();
    }
  });

  test("says what to do when it does not trust the server, or one of them does not speak TLS", async () => {
    await using server = await startTlsServer();
    await using plain = await startTestServer();
    const stranger = await failureAt(server.port, clientTls({ ...NONE, tls: true }));
    assert.partialDeepStrictEqual(stranger, { exit: 1, code: "tls" });
    assert.match(stranger?.message ?? "", /not come from an authority that is trusted/);
    assert.match(stranger?.next ?? "", /--clientcas/);
    const open = await failureAt(server.port, clientTls(NONE));
    assert.match(open?.message ?? "", /speaks TLS$/);
    assert.equal(open?.next, "add --tls");
    const secret = await failureAt(plain.port, clientTls({ ...NONE, tls: true }));
    assert.match(secret?.message ?? "", /before TLS was set up/);
    assert.match(secret?.next ?? "", /leave out --tls/);
  });

  test("checks name and time of the server's certificate", async () => {
    const elsewhere = await selfSigned({ names: ["db.example"], addresses: [] });
    await using server = await startTlsServer({}, { credentials: elsewhere });
    const trusting = { ...NONE, clientcas: server.files.certificate };
    assert.match((await failureAt(server.port, clientTls(trusting)))?.next ?? "", /--servername/);
    assert.equal(await failureAt(server.port, clientTls({ ...trusting, servername: "db.example" })), undefined);
    await using old = await startTlsServer({}, { credentials: await selfSigned({ fromDays: -9, untilDays: -2 }) });
    assert.ok(old.log.some(({ level, message }) => level === "warn" && /expired at/.test(message)));
    const expired = await failureAt(old.port, clientTls({ ...NONE, clientcas: old.files.certificate }));
    assert.match(expired?.message ?? "", /not valid now \(CERT_HAS_EXPIRED\)/);
  });

  test("shows a certificate to a server that demands one", async () => {
    const clients = await Authority.make();
    await using server = await startTlsServer({}, { clients });
    const pair = await writePair(server.folder, "client", await clients.give());
    const trusting = { ...NONE, clientcas: server.authorityFile };
    assert.equal(await failureAt(server.port, clientTls({ ...trusting, ...pair, mtls: true })), undefined);
    const nobody = await failureAt(server.port, clientTls(trusting));
    assert.match(nobody?.message ?? "", /only clients that show a certificate/);
    assert.match(nobody?.next ?? "", /--certificate/);
  });

  test("uses TLS when any option asks for it, and refuses half of what it takes", async () => {
    await using server = await startTlsServer();
    const { certificate, pkey } = server.files;
    const authorities = await readFile(server.authorityFile, "utf8");
    assert.equal(clientTls(NONE), undefined);
    assert.deepEqual(clientTls({ ...NONE, tls: true }), {});
    assert.deepEqual(clientTls({ ...NONE, servername: "db" }), { serverName: "db" });
    assert.deepEqual(clientTls({ ...NONE, clientcas: server.authorityFile }), { authorities });
    const missing = join(server.folder, "missing.pem");
    const garbage = join(server.folder, "garbage.pem");
    await writeFile(garbage, "no certificate");
    for (const options of [{ certificate }, { pkey }, { mtls: true }, { clientcas: missing }]) {
      assert.throws(() => clientTls({ ...NONE, ...options }), UsageError);
    }
    const unreadable = await failureAt(server.port, clientTls({ ...NONE, certificate: garbage, pkey: garbage }));
    assert.match(unreadable?.next ?? "", /--certificate, --pkey and --clientcas/);
  });
});
