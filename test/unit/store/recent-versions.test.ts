import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import { RECENT_KEY_BYTES_MAX, RECENT_VERSIONS_MAX } from "../../../src/base/limits.ts";
import type { VersionRecord } from "../../../src/store/layout.ts";
import { RecentVersions } from "../../../src/store/recent-versions.ts";

const version = (txId: number): VersionRecord => ({ txId: BigInt(txId), entry: 0, revision: 1n, metadata: undefined });

describe("versions that were read of late", () => {
  test("are those that were added and not dropped, or none", () => {
    const step = fc.tuple(fc.constantFrom("set", "drop", "get"), fc.nat({ max: 2000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6000, size: "max" }), (steps) => {
        const recent = new RecentVersions();
        const model = new Map<number, VersionRecord>();
        for (const [i, [what, k]] of steps.entries()) {
          const key = utf8(`key ${k}`);
          if (what === "drop") {
            recent.drop(key);
            model.delete(k);
          }
          const found = recent.get(key);
          if (found !== undefined) assert.equal(found, model.get(k));
          if (what !== "set" || found !== undefined) continue;
          const added = version(i);
          recent.set(key, added);
          model.set(k, added);
          assert.equal(recent.get(key), added);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("are found again, most of them, when there are fewer than it holds", () => {
    const recent = new RecentVersions();
    const keys = Array.from({ length: RECENT_VERSIONS_MAX / 4 }, (_, i) => utf8(`key ${i}`));
    for (let round = 0; round < 2; round++)
      for (const [i, key] of keys.entries()) if (recent.get(key) === undefined) recent.set(key, version(i));
    const found = keys.filter((key) => recent.get(key) !== undefined).length;
    assert.ok(found > keys.length * 0.8, `${found} of ${keys.length}`);
  });

  test("are not kept of keys that are too long, and not mixed up with those of their beginnings", () => {
    const recent = new RecentVersions();
    const longest = new Uint8Array(RECENT_KEY_BYTES_MAX);
    recent.set(longest, version(1));
    recent.set(new Uint8Array(RECENT_KEY_BYTES_MAX + 1), version(2));
    assert.equal(recent.get(longest)?.txId, 1n);
    assert.equal(recent.get(new Uint8Array(RECENT_KEY_BYTES_MAX + 1)), undefined);
    assert.equal(recent.get(longest.subarray(1)), undefined);
  });
});
