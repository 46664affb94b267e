import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadPage } from "../../../src/server/page.ts";

describe("the files of the page", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "page-"));
    await mkdir(join(directory, "dist/assets"), { recursive: true });
    await writeFile(join(directory, "secret.txt"), "secret");
    await writeFile(join(directory, "dist/index.html"), "<!doctype html>");
    await writeFile(join(directory, "dist/icon.svg"), "<svg/>");
    await writeFile(join(directory, "dist/assets/a.js"), "1");
    await symlink(join(directory, "secret.txt"), join(directory, "dist/link.txt"));
  });
  after(() => rm(directory, { recursive: true }));

  test("are found by their path alone, the index under the root", async () => {
    const page = await loadPage(join(directory, "dist"));
    assert.deepEqual([...page.keys()].sort(), ["/", "/assets/a.js", "/icon.svg"]);
  });

  test("carry their type, a policy that lets nothing else in, and how long they may be kept", async () => {
    const page = await loadPage(join(directory, "dist"));
    const [index, script] = [page.get("/"), page.get("/assets/a.js")];
    assert.equal(index?.headers["content-type"], "text/html; charset=utf-8");
    assert.equal(index?.headers["cache-control"], "no-cache");
    assert.match(index?.headers["content-security-policy"] ?? "", /default-src 'none'.*script-src 'self'/);
    assert.doesNotMatch(index?.headers["content-security-policy"] ?? "", /unsafe/);
    assert.equal(script?.headers["content-type"], "text/javascript; charset=utf-8");
    assert.match(script?.headers["cache-control"] ?? "", /immutable/);
    assert.equal(page.get("/icon.svg")?.headers["content-type"], "image/svg+xml");
    assert.notEqual(index?.headers["etag"], script?.headers["etag"]);
  });

  test("are none when the page was not built", async () => {
    assert.equal((await loadPage(join(directory, "missing"))).size, 0);
  });
});
