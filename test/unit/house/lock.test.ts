import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

type Entry = Record<string, unknown>;
interface Lock {
  packages: Record<string, Entry>;
}
interface CompleteLock {
  missingOptional(lock: Lock): { name: string }[];
  completeLock(lock: Lock, describe: (name: string) => Entry | undefined): Lock;
  platformOf(name: string): Entry;
}

const ROOT = join(import.meta.dirname, "../../..");
// Plain JavaScript, which the type checker does not read.
const script: string = "../../../scripts/complete-lock.mjs";
const { missingOptional, completeLock, platformOf } = (await import(script)) as CompleteLock;

for (const folder of [".", "test/e2e/node-sdk"]) {
  describe(`the lock in ${folder}`, () => {
    const lock = JSON.parse(readFileSync(join(ROOT, folder, "package-lock.json"), "utf8")) as Lock;

    test("holds every optional dependency that a locked package names", () => {
      assert.deepEqual(missingOptional(lock), []);
    });

    test("holds no address of a registry", () => {
      assert.deepEqual(
        Object.keys(lock.packages).filter((path) => "resolved" in (lock.packages[path] as Entry)),
        [],
      );
    });
  });
}

test("package.json names exact versions only", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const versions: [string, string][] = Object.entries({ ...dependencies, ...devDependencies });
  assert.deepEqual(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
    [],
  );
});

describe("completing a lock", () => {
  const incomplete: Lock = {
    packages: {
      "": { devDependencies: { tool: "1.0.0" } },
      "node_modules/tool": {
        version: "1.0.0",
        resolved: "https://example.org/tool.tgz",
        dev: true,
        optionalDependencies: { "@tool/linux-arm64-musl": "1.0.0", "@tool/win32-x64": "1.0.0", nested: "2.0.0" },
      },
      "node_modules/tool/node_modules/nested": { version: "2.0.0", dev: true, optional: true },
    },
  };

  test("adds what is missing with its platform, told by its name", () => {
    const { packages } = completeLock(incomplete, () => undefined);
    assert.deepEqual(packages["node_modules/@tool/linux-arm64-musl"], {
      version: "1.0.0",
      cpu: ["arm64"],
      dev: true,
      libc: ["musl"],
      optional: true,
      os: ["linux"],
    });
    assert.deepEqual(missingOptional({ packages }), []);
  });

  test("adds what the registry tells, where it tells", () => {
    const { packages } = completeLock(incomplete, (name) =>
      name === "@tool/win32-x64" ? { os: ["win32"], cpu: ["x64"], integrity: "sha512-AA==" } : undefined,
    );
    assert.equal(packages["node_modules/@tool/win32-x64"]?.["integrity"], "sha512-AA==");
  });

  test("leaves out addresses, keeps the rest, and changes nothing the second time", () => {
    const completed = completeLock(incomplete, () => undefined);
    assert.ok(!("resolved" in (completed.packages["node_modules/tool"] as Entry)));
    assert.deepEqual(completeLock(completed, assert.fail), completed);
  });

  test("refuses a range, for which it cannot know the version", () => {
    const ranged: Lock = {
      packages: { "node_modules/tool": { optionalDependencies: { "tool-linux-x64": "^1.0.0" } } },
    };
    assert.throws(() => completeLock(ranged, () => undefined), /not an exact version/);
  });

  test("refuses a name that does not tell its platform", () => {
    assert.throws(() => platformOf("@tool/native"), /does not tell its platform/);
  });
});
