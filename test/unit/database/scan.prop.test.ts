// Scans against a sorted array of keys: every combination of prefix, start, end, inclusion, direction, offset and limit.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes, startsWith, utf8 } from "../../../src/base/bytes.ts";
import type { ScanRequest } from "../../../src/database/requests.ts";
import { metadata, NOW_SECONDS, scanRequest, type TestDatabase, testDatabase } from "./support.ts";

/** Few different bytes, so that prefixes and bounds hit; ff at the end is where the end of a prefix is hard to tell. */
const bytes = (minLength: number) =>
  fc
    .array(fc.constantFrom(0x00, 0x61, 0x62, 0xff), { minLength, maxLength: 3 })
    .map((values) => Uint8Array.from(values));

const request = fc.record({
  prefix: fc.oneof({ weight: 2, arbitrary: fc.constant(new Uint8Array(0)) }, { weight: 3, arbitrary: bytes(0) }),
  seekKey: bytes(0),
  endKey: bytes(0),
  inclusiveSeek: fc.boolean(),
  inclusiveEnd: fc.boolean(),
  desc: fc.boolean(),
  offset: fc.nat(4),
  limit: fc.nat(6),
});

type Asked = Omit<ScanRequest, "sinceTx" | "noWait">;

/** `keys`: those that have a value, in order. */
function expected(keys: readonly Uint8Array[], asked: Asked): Uint8Array[] {
  const { prefix, seekKey, endKey, inclusiveSeek, inclusiveEnd, desc, offset, limit } = asked;
  const sign = desc ? -1 : 1;
  const found = keys.filter((key) => {
    const fromSeek = sign * compareBytes(key, seekKey);
    const fromEnd = sign * compareBytes(key, endKey);
    return (
      startsWith(key, prefix) &&
      (seekKey.length === 0 || fromSeek > 0 || (inclusiveSeek && fromSeek === 0)) &&
      (endKey.length === 0 || fromEnd < 0 || (inclusiveEnd && fromEnd === 0))
    );
  });
  if (desc) found.reverse();
  return found.slice(offset, limit === 0 ? undefined : offset + limit);
}

async function setKeys(
  { database }: TestDatabase,
  keys: readonly Uint8Array[],
  attributes?: Parameters<typeof metadata>[0],
): Promise<void> {
  const entries = keys.map((key) => ({ key, value: key, metadata: attributes && metadata(attributes) }));
  if (entries.length > 0) await database.set({ entries, preconditions: [], noWait: false });
}

const distinct = (keys: fc.Arbitrary<Uint8Array>) =>
  fc.uniqueArray(keys, { maxLength: 16, selector: (key) => Buffer.from(key).toString("hex") });

describe("scan and count", () => {
  test("give the keys that a sorted array gives, indexed or not, without what is deleted or expired", () =>
    fc.assert(
      fc.asyncProperty(
        distinct(bytes(1)),
        distinct(bytes(1)),
        fc.array(request, { minLength: 1, maxLength: 12 }),
        async (indexed, fresh, requests) => {
          await using db = await testDatabase();
          await setKeys(db, indexed);
          await db.database.settled();
          await setKeys(db, fresh);
          const gone = [...indexed.slice(0, 2), ...fresh.slice(0, 1)];
          const unique = [...new Map(gone.map((key) => [Buffer.from(key).toString("hex"), key])).values()];
          await setKeys(db, unique.slice(0, 2), { deleted: true });
          await setKeys(db, unique.slice(2), { expiresAt: NOW_SECONDS });
          const live = [
            ...new Map([...indexed, ...fresh].map((key) => [Buffer.from(key).toString("hex"), key])).values(),
          ]
            .filter((key) => !unique.some((other) => compareBytes(key, other) === 0))
            .sort(compareBytes);
          const check = (): void => {
            for (const asked of requests) {
              const found = db.database.scan(scanRequest(asked));
              assert.deepEqual(
                found.map(({ key }) => Buffer.from(key)),
                expected(live, asked).map((key) => Buffer.from(key)),
              );
              for (const { key, value } of found) assert.equal(compareBytes(key, value), 0);
              const counted = live.filter((key) => startsWith(key, asked.prefix)).length;
              assert.equal(db.database.count(asked.prefix), BigInt(counted));
            }
            assert.equal(db.database.countAll(), BigInt(live.length));
          };
          check();
          await db.database.settled();
          check();
        },
      ),
      { seed: 20_246, numRuns: 150 },
    ));

  test("do not see keys of other kinds", async () => {
    await using db = await testDatabase();
    await setKeys(db, [utf8("k")]);
    const member = { key: Uint8Array.of(1, 2, 3), value: new Uint8Array(0), metadata: undefined };
    await db.store.commit({ entries: [member], preconditions: [], metadata: undefined });
    assert.equal(db.database.scan(scanRequest()).length, 1);
    assert.equal(db.database.scan(scanRequest({ desc: true })).length, 1);
    assert.equal(db.database.countAll(), 1n);
  });
});
