import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { Authority, type Credentials, selfSigned, writePair } from "../support/certificates.ts";
import { startTlsServer, type TlsServer } from "../support/tls-server.ts";
import { ADMIN } from "./support.ts";

const HTTP1 = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** SETTINGS, as the first frame of a server. */
const SETTINGS_TYPE = 4;

for (const transport of ["own", "node"])
  describe(`TLS, transport ${transport}`, () => {
    let server: TlsServer;
    afterEach(() => server[Symbol.asyncDispose]());

    /** What a client needs to trust the server, and who it is if it shows a certificate. */
    const trust = (client?: Credentials): ConnectionOptions => ({
      ca: server.authority.credentials.cert,
      ...(client && { cert: client.cert, key: client.key }),
    });
    const dial = (options: ConnectionOptions = {}): TLSSocket =>
      connectTls({ host: "127.0.0.1", port: server.port, servername: "localhost", ...trust(), ...options });
    const received = async (socket: Socket): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
      await once(socket, "close");
      return Buffer.concat(chunks);
    };
    const status = (options: ConnectionOptions = {}): Promise<number | string> =>
      new Promise((resolve) => {
        const to = { host: "127.0.0.1", port: server.port, path: "/nothing", agent: false, ...trust(), ...options };
        httpsRequest(to, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          .end();
      });
    const fingerprint = async (): Promise<string> => {
      const socket = dial();
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };

    test("carries gRPC, gRPC-Web and Connect, over HTTP/2 and HTTP/1.1", async () => {
      server = await startTlsServer({ transport });
      assert.match(server.url, /^https:\/\/127\.0\.0\.1:/);
      const [baseUrl, nodeOptions] = [server.url, trust()];
      for (const to of [
        createGrpcTransport({ baseUrl, nodeOptions }),
        createGrpcWebTransport({ baseUrl, nodeOptions, httpVersion: "2" }),
        createGrpcWebTransport({ baseUrl, nodeOptions, httpVersion: "1.1" }),
        createConnectTransport({ baseUrl, nodeOptions, httpVersion: "2" }),
        createConnectTransport({ baseUrl, nodeOptions, httpVersion: "1.1" }),
      ]) {
        const client = createClient(ImmuService, to);
        const { sessionID } = await client.openSession(ADMIN);
        const headers = { sessionid: sessionID };
        const value = new Uint8Array(300_000).fill(7);
        await client.set({ KVs: [{ key: utf8("k"), value }] }, { headers });
        assert.deepEqual((await client.get({ key: utf8("k") }, { headers })).value, value);
        await client.closeSession({}, { headers });
      }
    });

    test("serves a client without ALPN by its first bytes, and one whose bytes disagree with it not at all", async () => {
      server = await startTlsServer({ transport });
      const ask = async (first: string, ALPNProtocols?: string[]): Promise<Buffer> => {
        const socket = dial(ALPNProtocols && { ALPNProtocols });
        socket.write(first);
        if (first === PREFACE) socket.once("data", () => setImmediate(() => socket.destroy()));
        return received(socket);
      };
      assert.match(String(await ask(HTTP1)), /^HTTP\/1\.1 404 /);
      assert.equal((await ask(PREFACE))[3], SETTINGS_TYPE);
      assert.match(String(await ask(HTTP1, ["http/1.1"])), /^HTTP\/1\.1 404 /);
      assert.equal((await ask(PREFACE, ["h2"]))[3], SETTINGS_TYPE);
      assert.equal((await ask(HTTP1, ["h2"])).length, 0);
      assert.equal((await ask(PREFACE, ["http/1.1"])).length, 0);
    });

    test("takes nothing older than TLS 1.2, and no protocol that it does not speak", async () => {
      server = await startTlsServer({ transport });
      const refused = async (options: ConnectionOptions): Promise<string> => {
        const [error] = (await once(dial(options), "error")) as [NodeJS.ErrnoException];
        return error.code ?? error.message;
      };
      assert.match(
        await refused({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
        /PROTOCOL_VERSION/,
      );
      assert.match(await refused({ ALPNProtocols: ["spdy/3"] }), /NO_APPLICATION_PROTOCOL/);
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        assert.equal(await status({ minVersion: version, maxVersion: version }), 404, version);
      }
    });

    test("tells whoever asks without TLS that it is wanted, and closes", async () => {
      server = await startTlsServer({ transport });
      const ask = (first: string | Buffer): Promise<Buffer> => {
        const socket = connectPlain(server.port, "127.0.0.1");
        socket.write(first);
        return received(socket);
      };
      assert.match(String(await ask(HTTP1)), /^HTTP\/1\.1 400 [\s\S]*speaks TLS[\s\S]*https:/);
      assert.match(String(await ask(PREFACE)), /speaks TLS/);
      assert.equal((await ask(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]))).length, 0);
      assert.equal((await ask(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x04, 1, 2, 3, 4]))).length > 0, true, "an alert");
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url.replace("https", "http") }));
      await assert.rejects(client.health({}), /INADEQUATE_SECURITY|code 12/);
      assert.equal(await status(), 404);
    });

    test("handshakes that stop half-way or break keep nobody else from being served", async () => {
      server = await startTlsServer({ transport });
      const hello = await clientHello();
      const stuck = Array.from({ length: 100 }, (_, i) => {
        const socket = connectPlain(server.port, "127.0.0.1").on("error", () => {});
        socket.write(hello.subarray(0, 1 + ((i * 7) % (hello.length - 1))));
        if (i % 3 === 0) setTimeout(() => socket.resetAndDestroy(), 20);
        if (i % 3 === 1) socket.write(Buffer.alloc(2000, i));
        return socket;
      });
      assert.deepEqual(await Promise.all(Array.from({ length: 10 }, () => status())), Array(10).fill(404));
      for (const socket of stuck) socket.destroy();
    });

    test("under --mtls serves clients of its authorities and nobody else", async () => {
      const clients = await Authority.make();
      server = await startTlsServer({ transport }, { clients });
      const good = await clients.give();
      assert.equal(await status(trust(good)), 404);
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const over = { minVersion: version, maxVersion: version };
        for (const [who, credentials] of [
          ["nobody", undefined],
          ["a client of the server's own authority", await server.authority.give()],
          ["one who signed himself", await selfSigned()],
          ["one whose time is over", await clients.give({ fromDays: -9, untilDays: -2 })],
        ] as const) {
          assert.equal(typeof (await status({ ...trust(credentials), ...over })), "string", `${who}, ${version}`);
        }
      }
      const nodeOptions = trust(good);
      const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url, nodeOptions }));
      assert.equal((await client.health({})).status, true);
    });

    test("a reload changes the certificate for new connections and cuts none off", async () => {
      server = await startTlsServer({ transport });
      const before = await fingerprint();
      const session = connectHttp2(server.url, trust());
      const answer = async (): Promise<number> => {
        const stream = session.request({ ":path": "/nothing" });
        const [head] = await once(stream, "response");
        await text(stream);
        return head[":status"];
      };
      assert.equal(await answer(), 404);
      await writePair(server.folder, "server", await server.authority.give({ untilDays: 12 }));
      await server.reload();
      const after = await fingerprint();
      assert.notEqual(after, before);
      assert.equal(await answer(), 404);
      assert.ok(server.log.some(({ level, message }) => level === "warn" && /expires in 12 days/.test(message)));

      await writeFile(server.files.pkey, (await selfSigned()).key);
      await server.reload();
      assert.equal(await fingerprint(), after);
      const failure = server.log.findLast(({ level }) => level === "error");
      assert.match(String(failure?.fields["err"]), /does not belong/);
      assert.equal(await answer(), 404);
      session.close();
    });

    test("a reload of the authorities shuts out whom they let in, also who resumes his session", async () => {
      const [clients, others] = [await Authority.make(), await Authority.make()];
      server = await startTlsServer({ transport }, { clients });
      const [good, other] = [await clients.give(), await others.give()];
      const first = dial(trust(good));
      const [session] = (await once(first, "session")) as [Buffer];
      first.destroy();
      const resumed = dial({ ...trust(good), session });
      await once(resumed, "secureConnect");
      assert.equal(resumed.isSessionReused(), true);
      resumed.destroy();

      await writeFile(server.files.clientcas, others.credentials.cert);
      await server.reload();
      assert.equal(await status(trust(other)), 404);
      assert.equal(typeof (await status(trust(good))), "string");
      assert.equal(typeof (await status({ ...trust(good), session })), "string");
    });

    test("stops at once with a handshake half done", async () => {
      server = await startTlsServer({ transport });
      const socket = connectPlain(server.port, "127.0.0.1").on("error", () => {});
      socket.write((await clientHello()).subarray(0, 40));
      assert.equal(await status(), 404);
      const stopped = server.restart();
      await once(socket, "close");
      await stopped;
    });
  });

describe("a reload", () => {
  test("changes the key that states are signed with, unless there is no key", async () => {
    const key = join(await mkdtemp(join(tmpdir(), "signing-")), "key.pem");
    const write = (): Promise<void> => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));
    };
    await write();
    await using server = await startTlsServer({ signingKey: key });
    const nodeOptions = { ca: server.authority.credentials.cert };
    const client = createClient(ImmuService, createGrpcTransport({ baseUrl: server.url, nodeOptions }));
    const headers = { sessionid: (await client.openSession(ADMIN)).sessionID };
    const publicKey = async (): Promise<string> =>
      Buffer.from((await client.currentState({}, { headers })).signature?.publicKey ?? []).toString("hex");
    const before = await publicKey();
    await write();
    await server.reload();
    const after = await publicKey();
    assert.notEqual(after, before);
    await copyFile(server.files.certificate, key);
    await server.reload();
    assert.equal(await publicKey(), after);
    await rm(dirname(key), { recursive: true });
  });
});

/** The bytes that a client of TLS begins with. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const client = connectTls({ port, host: "127.0.0.1" }).on("error", () => {});
  const [socket] = (await once(listener, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return hello;
}
