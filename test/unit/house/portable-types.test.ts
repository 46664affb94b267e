// Lint does not see a global, nor a type that comes without an import. The compiler does: the portable rooms are
// compiled once more without the types of Node. A temporary tree with our settings proves that this bites, also in a
// file that imports packages whose own types could bring Node's in.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");

const OF_NODE = [
  "export const buffer = (bytes: Uint8Array): unknown => Buffer.from(bytes);",
  "export const environment = (): unknown => process.env;",
  "export const soon = (): unknown => setImmediate(() => undefined);",
  'export type Stats = import("node:fs").Stats;',
  "export const typed = (value: NodeJS.Timeout): unknown => value;",
];
const OF_BOTH = [
  'import { fromBinary } from "@bufbuild/protobuf";',
  'import { createClient } from "@connectrpc/connect";',
  'import { createGrpcWebTransport } from "@connectrpc/connect-web";',
  'import { sha256 } from "@noble/hashes/sha2.js";',
  "export const portable: unknown = [fromBinary, createClient, createGrpcWebTransport, sha256];",
  "export const known: unknown = [TextEncoder, crypto.subtle, fetch, URL, setTimeout, AbortSignal];",
];

let root: string;
/** Lines with an error, as "file:line". */
let found: Set<string>;

before(() => {
  root = mkdtempSync(join(tmpdir(), "portable-types-"));
  for (const file of ["package.json", "tsconfig.json", "tsconfig.portable.json"])
    cpSync(join(ROOT, file), join(root, file));
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  for (const folder of ["src/base", "src/proof", "src/wire", "src/client", "web/src"]) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, "probe.ts"), [...OF_BOTH, ...OF_NODE].join("\n"));
  }
  writeFileSync(join(root, "src/client/node.ts"), OF_NODE.join("\n"));
  const { stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["--project", "tsconfig.portable.json"], {
    cwd: root,
    encoding: "utf8",
  });
  const places = [...stdout.matchAll(/^([^(\n]+)\((\d+),\d+\): error/gm)];
  found = new Set(places.map(([, file, line]) => `${file}:${line}`));
});

after(() => rmSync(root, { recursive: true }));

describe("the types of the portable rooms", () => {
  for (const folder of ["src/base", "src/proof", "src/wire", "src/client", "web/src"]) {
    test(`${folder} knows what pages and Node share, and nothing of Node`, () => {
      const expected = OF_NODE.map((_, i) => `${folder}/probe.ts:${OF_BOTH.length + i + 1}`);
      assert.deepEqual([...found].filter((at) => at.startsWith(`${folder}/`)).sort(byLine), expected);
    });
  }

  test("the client's one file for Node is not among them", () => {
    assert.deepEqual(
      [...found].filter((at) => at.startsWith("src/client/node.ts")),
      [],
    );
  });
});

function byLine(a: string, b: string): number {
  return Number(a.split(":")[1]) - Number(b.split(":")[1]);
}
