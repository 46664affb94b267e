// JSON over HTTP/1.1 and HTTP/2 with nothing but curl: Connect's protocol, bytes as base64, 64-bit numbers as texts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { run } from "../../scripts/run.ts";
import { requireTool } from "../support/requires.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("with curl", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server[Symbol.asyncDispose]());

  /** Posts JSON to a method; `args` go to curl as they are. */
  async function post(method: string, message: object, ...args: readonly string[]): Promise<Reply> {
    const url = `${server.url}/immudb.schema.ImmuService/${method}`;
    const json = ["-H", "content-type: application/json", "--data", JSON.stringify(message)];
    const { code, output } = await run("curl", ["-sS", "-i", ...json, ...args, url]);
    assert.equal(code, 0, output);
    return parse(output);
  }

  async function openSession(): Promise<string> {
    const request = { username: base64(server.user), password: base64(server.password), databaseName: "defaultdb" };
    const { status, headers, body } = await post("OpenSession", request);
    assert.equal(status, 200);
    assert.equal(body["serverUUID"], headers.get("immudb-uuid"));
    return `sessionid: ${body["sessionID"]}`;
  }

  for (const http of ["--http1.1", "--http2-prior-knowledge"]) {
    test(`a record is set and read (${http})`, async (t) => {
      if (!requireTool("curl", t)) return;
      const session = await openSession();
      const key = base64(`a key ${http}`);
      const set = await post("Set", { KVs: [{ key, value: base64("Grüße") }] }, "-H", session, http);
      assert.equal(set.status, 200);
      assert.match(String(set.body["id"]), /^[1-9]\d*$/);
      assert.equal(Buffer.from(String(set.body["eH"]), "base64").length, 32);
      const get = await post("Get", { key }, "-H", session, http);
      assert.equal(get.status, 200);
      assert.deepEqual(get.body, { tx: set.body["id"], key, value: base64("Grüße"), revision: "1" });
      assert.match(get.headers.get("immudb-uuid") ?? "", /^[0-9a-v]{20}$/);
    });
  }

  test("a refusal is JSON too, and still says which server it is from", async (t) => {
    if (!requireTool("curl", t)) return;
    const session = await openSession();
    const missing = await post("Get", { key: base64("nothing here") }, "-H", session);
    assert.equal(missing.status, 500);
    assert.equal(missing.headers.get("content-type"), "application/json");
    assert.deepEqual(missing.body, { code: "unknown", message: "tbtree: key not found" });
    assert.match(missing.headers.get("immudb-uuid") ?? "", /^[0-9a-v]{20}$/);
  });

  test("without a session nothing is read", async (t) => {
    if (!requireTool("curl", t)) return;
    const { status, body } = await post("Get", { key: base64("a key") });
    assert.equal(status, 500);
    assert.deepEqual([body["code"], body["message"]], ["unknown", "not logged in"]);
  });

  test("what is no such request, or no such method, is refused", async (t) => {
    if (!requireTool("curl", t)) return;
    const session = await openSession();
    assert.equal((await post("Get", { key: 5 }, "-H", session)).status, 400);
    const { code, output } = await run("curl", [
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "-H",
      "content-type: application/json",
      "--data",
      "{}",
      `${server.url}/immudb.schema.ImmuService/NoSuchMethod`,
    ]);
    assert.deepEqual([code, output], [0, "404"]);
  });
});

/** The answer as `curl -i` prints it. */
function parse(output: string): Reply {
  const [head = "", body = ""] = output.split(/\r?\n\r?\n/, 2);
  const [statusLine = "", ...lines] = head.split(/\r?\n/);
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim());
  return { status: Number(statusLine.split(" ")[1]), headers, body: JSON.parse(body) as Reply["body"] };
}
