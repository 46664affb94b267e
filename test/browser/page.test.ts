// The page in a real browser, against the real server: first honestly, then through a proxy that tells every kind of lie.

import assert from "node:assert/strict";
import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import { type Browser, launchBrowser, missingBrowser } from "../support/chromium.ts";
import { liesAboutReads, liesAboutWrites } from "../support/lies.ts";
import { requireTool } from "../support/requires.ts";
import { TamperingProxy } from "../support/tampering-proxy.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const WAIT_MS = 15_000;

/** Runs in the page: adds a script of its own and calls elsewhere. Returns which rules of the policy stopped it. */
const BREAK_IN = `(async () => {
  const stopped = [];
  document.addEventListener("securitypolicyviolation", (event) => stopped.push(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "document.title = 'injected'";
  document.body.append(script);
  await fetch("http://127.0.0.1:9/").catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  return [...new Set(stopped)].sort();
})()`;

describe("the page", () => {
  let server: TestServer;
  let proxy: TamperingProxy;
  let browser: Browser | undefined;
  let shots: string;

  before(async () => {
    await access(new URL("../../web/dist/index.html", import.meta.url)).catch(() => {
      throw new Error("the page is not built: npm run web:build");
    });
    server = await startTestServer();
    proxy = await TamperingProxy.listen(server.url);
    shots = process.env["SCREENSHOTS"] ?? (await mkdtemp(join(tmpdir(), "page-")));
    if (missingBrowser() === undefined) browser = await launchBrowser({ viewport: DESKTOP });
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    if (process.env["SCREENSHOTS"] === undefined) await rm(shots, { recursive: true });
  });

  /** Opens the page in a tab of its own; whatever it complains about fails the test. */
  async function open(t: TestContext, url: string): Promise<{ page: Page; complaints: string[] } | undefined> {
    if (!requireTool("browser", t) || browser === undefined) return undefined;
    const page = await browser.context.newPage();
    t.after(() => page.close());
    page.setDefaultTimeout(WAIT_MS);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complaints.push(`asked ${request.url()}`);
    });
    page.on("console", (message) => {
      // The browser logs every refusal of the server by itself.
      const expected = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !expected) complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints };
  }

  async function logIn(page: Page): Promise<void> {
    await page.getByLabel("User").fill(server.user);
    await page.getByLabel("Password").fill(server.password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByLabel("Key", { exact: true }).waitFor();
  }

  async function set(page: Page, key: string, value: string): Promise<void> {
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.getByLabel("Value only needed to set").fill(value);
    await page.getByRole("button", { name: "Set and verify" }).click();
  }

  async function get(page: Page, key: string): Promise<void> {
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.getByRole("button", { name: "Get and verify" }).click();
  }

  test("logs in, sets and gets with proof, and lists every check it made", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page, complaints } = opened;
    await page.screenshot({ path: join(shots, "desktop-1-login.png") });
    await logIn(page);

    await set(page, "page:invoice", "1200 EUR\npaid");
    await page.getByText("Written, and proven to be recorded").waitFor();
    assert.ok((await checksOn(page)).includes("tx_not_new"));
    await page.screenshot({ path: join(shots, "desktop-2-set.png"), fullPage: true });

    await set(page, "page:other", "something");
    await page.getByText("Written, and proven to be recorded").waitFor();
    await get(page, "page:invoice");
    await page.getByText("Proven: this is what was recorded").waitFor();
    assert.equal(await page.getByLabel("Value", { exact: true }).textContent(), "1200 EUR\npaid");
    const checks = await checksOn(page);
    for (const name of ["server_identity", "entries_inclusion", "source_alh", "target_alh", "linear_proof"]) {
      assert.ok(checks.includes(name), `${name} is not among ${checks.join(", ")}`);
    }
    assert.equal(await page.getByText(`This browser made ${checks.length} checks`).count(), 1);
    const explained = await page.locator("#answer [data-check] .why").allTextContents();
    assert.equal(explained.filter((text) => text.length > 20).length, checks.length, "a check without its explanation");
    await page.screenshot({ path: join(shots, "desktop-3-get.png"), fullPage: true });
    assert.deepEqual(complaints, []);
  });

  test("shows what was stored as text, never as markup, and other bytes as hexadecimal", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page, complaints } = opened;
    await logIn(page);
    const markup = '<img src="x" onerror="document.title=1"><b>bold</b>';
    await set(page, "page:<i>markup</i>", markup);
    await page.getByText("Written, and proven to be recorded").waitFor();
    await get(page, "page:<i>markup</i>");
    await page.getByText("Proven: this is what was recorded").waitFor();
    assert.equal(await page.getByLabel("Value", { exact: true }).textContent(), markup);
    assert.equal(await page.locator("#answer img, #answer b, #answer i").count(), 0);

    await set(page, "page:reversed", "abc\u202Edef");
    await page.getByText("Written, and proven to be recorded").waitFor();
    await get(page, "page:reversed");
    await page.getByText("hexadecimal, since it is no plain text").waitFor();
    assert.equal(await page.getByLabel("Value", { exact: true }).textContent(), "616263e280ae646566");
    assert.deepEqual(complaints, []);
  });

  test("says what is wrong with a password, a database and a key, and logs out", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page } = opened;
    await page.getByLabel("User").fill(server.user);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("User or password is not right.").waitFor();
    await page.getByLabel("Database").fill("nosuchdb");
    await page.getByLabel("Password").fill(server.password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("There is no such database.").waitFor();
    await page.getByLabel("Database").fill("defaultdb");
    await logIn(page);
    await get(page, "page:never written");
    await page.getByRole("heading", { name: "The server says that there is no such key" }).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("button", { name: "Log in" }).waitFor();
    assert.equal(await page.locator(".alarm").count(), 0);
  });

  test("works on a phone, in the dark, with the keyboard alone", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page } = opened;
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await page.screenshot({ path: join(shots, "phone-1-login.png") });
    await page.getByLabel("User").focus();
    await page.keyboard.type(server.user);
    await page.keyboard.press("Tab");
    await page.keyboard.type(server.password);
    await page.keyboard.press("Enter");
    // The key has the focus once logged in; Tab leads to the value, then to Get and to Set.
    await page.locator("#key:focus").waitFor();
    await page.keyboard.type("page:phone");
    await page.keyboard.press("Tab");
    await page.keyboard.type("typed");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Written, and proven to be recorded").waitFor();
    const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
    assert.ok(overflow <= 0, `the page is ${overflow} px wider than the phone`);
    await page.screenshot({ path: join(shots, "phone-2-set.png"), fullPage: true });
  });

  test("ends its session when it is left", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page } = opened;
    const used = page.waitForRequest((request) => "sessionid" in request.headers());
    await logIn(page);
    await get(page, "page:never written");
    const session = (await used).headers()["sessionid"] ?? "";
    await page.getByRole("heading", { name: "The server says that there is no such key" }).waitFor();

    const keepAlive = (): Promise<Response> =>
      fetch(`${server.url}/immudb.schema.ImmuService/KeepAlive`, {
        method: "POST",
        headers: { "content-type": "application/json", sessionid: session },
        body: "{}",
      });
    assert.equal((await keepAlive()).status, 200);
    await page.goto("about:blank");
    for (let tries = 0; tries < 100 && (await keepAlive()).status === 200; tries++) await sleep(20);
    assert.match(await (await keepAlive()).text(), /session not found/);
  });

  test("is served under a policy that lets nothing else in", async (t) => {
    const opened = await open(t, server.url);
    if (opened === undefined) return;
    const { page } = opened;
    const violations = await page.evaluate<string[]>(BREAK_IN);
    assert.deepEqual(violations, ["connect-src", "script-src-elem"]);
    assert.notEqual(await page.title(), "injected");
  });

  test("keeps what must be trusted small: at most 80 KB of scripts check proofs", async () => {
    const assets = fileURLToPath(new URL("../../web/dist/assets", import.meta.url));
    const scripts = (await readdir(assets)).filter((name) => /^client-.*\.js$/.test(name));
    assert.equal(scripts.length, 1);
    const { length } = gzipSync(await readFile(join(assets, scripts[0] as string)), { level: 9 });
    assert.ok(length <= 80 * 1024, `${length} bytes gzip`);
  });

  for (const { name, during, caughtBy, lie } of [...liesAboutReads("lie:other"), ...liesAboutWrites()]) {
    test(`raises the alarm when the server ${name}`, async (t) => {
      proxy.lie = undefined;
      const opened = await open(t, proxy.url);
      if (opened === undefined) return;
      const { page } = opened;
      await logIn(page);
      await writeHistory(server);
      await get(page, "lie:other");
      await page.getByText("Proven: this is what was recorded").waitFor();
      if (name === "shows an old receipt and writes nothing") {
        proxy.lie = lie; // it keeps this receipt, and shows it again below
        await set(page, "lie:victim", "again");
        await page.getByText("Written, and proven to be recorded").waitFor();
      }
      const trusted = await page.locator("#trusted-tx").textContent();

      proxy.lie = lie;
      if (during === "get") await get(page, "lie:victim");
      else await set(page, "lie:victim", "again");
      const alarm = page.getByRole("alert").filter({ hasText: "Do not believe this answer" });
      await alarm.waitFor();
      const said = (await alarm.textContent()) ?? "";
      assert.equal(await alarm.getAttribute("data-check"), caughtBy, said);
      assert.match(said, new RegExp(`Trusted before, and still\\s*transaction ${trusted}[0-9a-f]{64}`));
      assert.equal(await page.locator("#answer").isVisible(), false, "the answer is shown beside the alarm");
      assert.equal(await page.locator("#trusted-tx").textContent(), trusted, "the trusted state moved");
      assert.ok(((await alarm.boundingBox())?.y ?? -1) >= 0, "the alarm is out of sight");

      if (name === "answers another value") {
        await page.screenshot({ path: join(shots, "desktop-4-alarm.png") });
        await page.setViewportSize(PHONE);
        await page.screenshot({ path: join(shots, "phone-3-alarm.png"), fullPage: true });
      }

      // Honest again, the same page goes on from what it trusts.
      proxy.lie = undefined;
      await page.getByRole("button", { name: "I have read this" }).click();
      await get(page, "lie:other");
      await page.getByText("Proven: this is what was recorded").waitFor();
      assert.equal(await page.locator(".alarm").count(), 0);
    });
  }
});

/** What is lied about: a record among others in its transaction, and transactions after it. */
async function writeHistory({ host, port, user, password }: TestServer): Promise<void> {
  const transport = createNodeTransport(`${host}:${port}`);
  const client = new ImmuClient(transport, { address: `${host}:${port}` });
  await client.openSession(user, password);
  await client.setAll(["first", "victim", "third"].map((key) => ({ key: `lie:${key}`, value: `value of ${key}` })));
  await client.set("lie:between", "something");
  await client.set("lie:other", "value of other");
  await client.close();
  transport.close();
}

/** Names of the checks that the page lists as made. */
async function checksOn(page: Page): Promise<string[]> {
  return page
    .locator("#answer [data-check]")
    .evaluateAll((items) => items.map((item) => item.getAttribute("data-check") ?? ""));
}
