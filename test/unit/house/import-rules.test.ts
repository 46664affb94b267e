// Do the lint rules made from the import table bite? A temporary tree holds one file of probes for every room and every
// file with rules of its own, an import a line, allowed and forbidden ones mixed; biome reads the tree once, and the
// lines it reports must be the forbidden ones, all of them and no other.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { GEN, IMPORT_TABLE, type Imports } from "../../../scripts/import-table.ts";
import { biomeConfig } from "../../../scripts/rules.ts";

const FORMS: readonly ((specifier: string) => string)[] = [
  (specifier) => `import "${specifier}";`,
  (specifier) => `import type { T } from "${specifier}";`,
  (specifier) => `export * from "${specifier}";`,
  (specifier) => `export type { T } from "${specifier}";`,
  (specifier) => `await import("${specifier}");`,
];
const PACKAGES = [...new Set(Object.values(IMPORT_TABLE).flatMap(packagesOf)), "left-pad", "@scope/unheard-of"];
const NODE_MODULES = ["node:fs", "node:fs/promises", "node:crypto"];

interface Probe {
  line: string;
  allowed: boolean;
}

/** Where the probes stand: a file of the room itself, one in a folder below, and each file the table names. */
const places = Object.entries(IMPORT_TABLE).flatMap(([room, rules]) => [
  { file: `src/${room}/probe.ts`, room, imports: rules as Imports },
  { file: `src/${room}/below/probe.ts`, room, imports: rules as Imports },
  ...Object.entries(rules.files ?? {}).map(([name, more]) => ({
    file: `src/${room}/${name}`,
    room,
    imports: {
      rooms: [...rules.rooms, ...(more.rooms ?? [])],
      packages: [...rules.packages, ...(more.packages ?? [])],
      portable: more.portable ?? rules.portable,
    },
  })),
]);

function packagesOf(room: Imports & { files?: Readonly<Record<string, Partial<Imports>>> }): readonly string[] {
  return [...room.packages, ...Object.values(room.files ?? {}).flatMap((more) => more.packages ?? [])];
}

function probesOf({ file, room, imports }: (typeof places)[number]): Probe[] {
  const up = "../".repeat(file.split("/").length - 2);
  const targets: { specifier: string; allowed: boolean }[] = [
    { specifier: "./sibling.ts", allowed: true },
    { specifier: "../above.ts", allowed: true },
    { specifier: "../beside/cousin.ts", allowed: true },
    { specifier: "fs", allowed: false },
    ...NODE_MODULES.map((specifier) => ({ specifier, allowed: !imports.portable })),
    ...PACKAGES.flatMap((name) => [
      { specifier: name, allowed: imports.packages.includes(name) },
      { specifier: `${name}/sub/path.js`, allowed: imports.packages.includes(name) },
    ]),
    ...Object.keys(IMPORT_TABLE)
      .filter((other) => other !== room)
      .flatMap((other) => [
        { specifier: `${up}${other}/thing.ts`, allowed: imports.rooms.includes(other) },
        { specifier: `${up}${other}/deep/thing.ts`, allowed: imports.rooms.includes(other) },
        { specifier: `${up}../src/${other}/thing.ts`, allowed: imports.rooms.includes(other) },
      ]),
    { specifier: `${up}../${GEN}/immudb/schema/schema_pb.ts`, allowed: imports.rooms.includes(GEN) },
    ...imports.rooms
      .filter((allowed) => allowed.includes("/"))
      .map((allowed) => ({ specifier: `${up}${allowed}.ts`, allowed: true })),
  ];
  return targets.flatMap(({ specifier, allowed }) => FORMS.map((form) => ({ line: form(specifier), allowed })));
}

let root: string;
/** Lines that biome found wrong, as "file:line", by rule. */
let found: { rule: string; at: string }[];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "import-rules-"));
  await put("biome.json", JSON.stringify(biomeConfig()));
  for (const place of places)
    await put(
      place.file,
      probesOf(place)
        .map(({ line }) => line)
        .join("\n"),
    );
  await put("src/base/floating.ts", "export function f(): void {\n  Promise.reject(new Error());\n}\n");
  await put(
    "src/base/misused.ts",
    "export const p: Promise<boolean> = Promise.resolve(true);\nif (p) f();\nfunction f() {}\n",
  );
  await put("src/base/circle-a.ts", 'import { b } from "./circle-b.ts";\nexport const a = () => b;\n');
  await put("src/base/circle-b.ts", 'import { a } from "./circle-a.ts";\nexport const b = () => a;\n');
  await put("src/base/snake_case.ts", "export const one = 1;\n");
  await put("src/base/default.ts", "export default 1;\n");
  await put("src/base/required.ts", 'export const one: unknown = require("../sql/thing.ts");\n');
  await put("web/src/main.ts", 'import "node:fs";\nimport "../../src/proof/thing.ts";\n');
  await put("test/free.ts", 'import "node:fs";\nimport "lmdb";\nimport "../src/store/thing.ts";\n');
  await put("web/vite.config.ts", "export default {};\n");
  found = await lint(root);
});

after(() => rm(root, { recursive: true }));

async function put(file: string, text: string): Promise<void> {
  const path = join(root, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function lint(folder: string): Promise<{ rule: string; at: string }[]> {
  const biome = join(import.meta.dirname, "../../../node_modules/.bin/biome");
  const args = ["lint", "--reporter=json", "--max-diagnostics=none", "."];
  const output = await new Promise<string>((resolve) => {
    execFile(biome, args, { cwd: folder, maxBuffer: 2 ** 28 }, (_, stdout) => resolve(stdout));
  });
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { category: string; location: { path: string; start: { line: number } } }[];
  };
  return diagnostics.map(({ category, location }) => ({
    rule: category.split("/").at(-1) as string,
    at: `${location.path}:${location.start.line}`,
  }));
}

/** Lines with a finding of one of the rules. */
function linesOf(...rules: string[]): Set<string> {
  return new Set(found.filter(({ rule }) => rules.includes(rule)).map(({ at }) => at));
}

describe("the import rules", () => {
  for (const place of places) {
    test(`${place.file} may import what the table lists and nothing else`, () => {
      const reported = linesOf("noRestrictedImports", "noNodejsModules");
      const probes = probesOf(place);
      const wrong = probes.filter(({ allowed }, i) => reported.has(`${place.file}:${i + 1}`) === allowed);
      assert.deepEqual(wrong, []);
      assert.ok(probes.some(({ allowed }) => allowed) && probes.some(({ allowed }) => !allowed));
    });
  }

  test("a page may not import Node's modules, a test anything", () => {
    const reported = linesOf("noRestrictedImports", "noNodejsModules");
    assert.ok(reported.has("web/src/main.ts:1"));
    assert.ok(!reported.has("web/src/main.ts:2"));
    assert.deepEqual(
      [...reported].filter((at) => at.startsWith("test/")),
      [],
    );
  });

  test("require is no way around them", () => {
    assert.ok(linesOf("noCommonJs").has("src/base/required.ts:1"));
  });
});

describe("the other house rules", () => {
  const caught: [rule: string, at: string][] = [
    ["noFloatingPromises", "src/base/floating.ts:2"],
    ["noMisusedPromises", "src/base/misused.ts:2"],
    ["noImportCycles", "src/base/circle-a.ts:1"],
    ["noImportCycles", "src/base/circle-b.ts:1"],
    ["useFilenamingConvention", "src/base/snake_case.ts:0"],
    ["noDefaultExport", "src/base/default.ts:1"],
  ];
  for (const [rule, at] of caught) {
    test(`${rule} catches ${at}`, () => {
      assert.ok(linesOf(rule).has(at), `found: ${[...linesOf(rule)]}`);
    });
  }

  test("a tool's settings file may have a default export", () => {
    assert.ok(!linesOf("noDefaultExport").has("web/vite.config.ts:1"));
  });
});

describe("the import table", () => {
  test("has no circle: a room imports only rooms that do not lead back to it", () => {
    const reachable = (room: string, seen: Set<string>): Set<string> => {
      for (const next of IMPORT_TABLE[room]?.rooms ?? []) {
        const name = next.split("/")[0] as string;
        if (!seen.has(name)) reachable(name, seen.add(name));
      }
      return seen;
    };
    assert.deepEqual(
      Object.keys(IMPORT_TABLE).filter((room) => reachable(room, new Set()).has(room)),
      [],
    );
  });

  test("keeps the portable rooms on portable ground, and the storage engine behind its seam", () => {
    for (const [name, room] of Object.entries(IMPORT_TABLE)) {
      const ground = room.rooms.filter((other) => other !== GEN && IMPORT_TABLE[other]?.portable !== true);
      if (room.portable) assert.deepEqual(ground, [], name);
      if (name !== "store") assert.ok(!packagesOf(room).includes("lmdb"), name);
    }
  });
});
