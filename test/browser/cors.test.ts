// A page of another origin in a real browser, over TLS and HTTP/2: it calls the server when its origin is named, and gets
// nothing out of it otherwise.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Browser, launchBrowser } from "../support/chromium.ts";
import { requireTool } from "../support/requires.ts";
import { startTlsServer } from "../support/tls-server.ts";

/** Runs in the page: a call in Connect's JSON with a login, and one in gRPC-Web. Returns what the page could read of each. */
const CALLS = (url: string): string => `(async () => {
  const call = async (headers, body) => {
    try {
      const answer = await fetch("${url}/immudb.schema.ImmuService/Health", { method: "POST", headers, body });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return [answer.status, bytes.length > 0, answer.headers.get("immudb-uuid") !== null];
    } catch (error) {
      return error.name;
    }
  };
  return [
    await call({ "content-type": "application/json", authorization: "Bearer none" }, "{}"),
    await call({ "content-type": "application/grpc-web+proto", "x-grpc-web": "1" }, new Uint8Array(5)),
  ];
})()`;

describe("a page of another origin, in a browser", () => {
  const site = createServer((_request, response) => void response.end("a page"));
  let browser: Browser | undefined;
  let origin: string;

  before(async () => {
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    site.closeAllConnections();
    site.close();
  });

  test("calls the server that names it, and nothing of another one", async (t) => {
    if (!requireTool("browser", t)) return;
    browser = await launchBrowser({ ignoreHTTPSErrors: true });
    await using friendly = await startTlsServer({ "cors-origins": origin });
    await using silent = await startTlsServer();
    const page = await browser.context.newPage();
    await page.goto(origin);
    const read = [200, true, true];
    assert.deepEqual(await page.evaluate(CALLS(friendly.url)), [read, read]);
    assert.deepEqual(await page.evaluate(CALLS(silent.url)), ["TypeError", "TypeError"]);
  });
});
