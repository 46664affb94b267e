// Sorted sets against a model: a list of members ordered by their store keys, filtered by number.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, utf8, utf8ToString } from "../../../src/base/bytes.ts";
import type { ZScanRequest } from "../../../src/database/requests.ts";
import { sortedSetKey } from "../../../src/proof/keys.ts";
import { testDatabase, zScanRequest } from "./support.ts";

const SET = utf8("s");
const ALL: ZScanRequest = zScanRequest(SET);

interface Member {
  readonly score: number;
  readonly key: string;
}

const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, -5e-324),
);
const member = fc.record({ score, key: fc.constantFrom("a", "b", "c") });
const storeKey = ({ score: of, key }: Member): Uint8Array => sortedSetKey(SET, of, utf8(key), 0n);

/** What is asked for, as docs and wire say it: bounds are numbers; see the head of sorted-sets.ts for going backwards. */
function expected(members: readonly Member[], request: ZScanRequest): Member[] {
  const { minScore, maxScore, desc, seekKey, seekScore, inclusiveSeek } = request;
  const isNegative = (value: number): boolean => value < 0 || Object.is(value, -0);
  const startsAtMax = desc && seekKey.length === 0;
  const found = members
    .filter(({ score: of }) => {
      if (minScore !== undefined && (of < minScore || (isNegative(of) && minScore >= 0))) return false;
      if (maxScore !== undefined && (startsAtMax ? of >= maxScore : of > maxScore)) return false;
      return !(startsAtMax && (maxScore ?? 1) >= 0 && isNegative(of));
    })
    .toSorted((a, b) => compareBytes(storeKey(a), storeKey(b)));
  if (desc) found.reverse();
  if (seekKey.length === 0) return found;
  const position = sortedSetKey(SET, seekScore, seekKey, 0n);
  return found.filter((one) => {
    const order = compareBytes(storeKey(one), position) * (desc ? -1 : 1);
    return order > 0 || (order === 0 && inclusiveSeek);
  });
}

test("a walk over a sorted set answers as its model does, whatever is asked", async () => {
  const bound = fc.option(score, { nil: undefined });
  const request = fc.record({
    minScore: bound,
    maxScore: bound,
    desc: fc.boolean(),
    inclusiveSeek: fc.boolean(),
    seek: fc.option(member, { nil: undefined }),
    offset: fc.nat(4),
    limit: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(member, { maxLength: 12, selector: (one) => Buffer.from(storeKey(one)).toString("hex") }),
      fc.array(request, { minLength: 1, maxLength: 12 }),
      async (members, requests) => {
        await using scene = await testDatabase();
        const { database } = scene;
        const entries = ["a", "b", "c"].map((key) => ({ key: utf8(key), value: utf8(key), metadata: undefined }));
        await database.set({ entries, preconditions: [], noWait: false });
        const target = (key: string) => ({ key: utf8(key), atTx: 0n, boundRef: false });
        for (const { score: of, key } of members) {
          await database.zAdd({ set: SET, score: of, target: target(key), noWait: false });
        }
        // Of a set whose name begins like this one's, and of one that is empty.
        await database.zAdd({ set: utf8("s2"), score: 1, target: target("a"), noWait: false });
        assert.deepEqual(database.zScan({ ...ALL, set: utf8("none") }), []);
        for (const { seek, ...asked } of requests) {
          const full = { ...ALL, ...asked, seekKey: utf8(seek?.key ?? ""), seekScore: seek?.score ?? 0 };
          const { offset, limit } = asked;
          const right = expected(members, full)
            .slice(offset, limit === 0 ? undefined : offset + limit)
            .map((one) => ({ score: one.score, key: one.key }));
          const given = database.zScan(full).map((one) => {
            assert.equal(utf8ToString(one.entry?.value ?? utf8("")), utf8ToString(one.key));
            return { score: one.score, key: utf8ToString(one.key) };
          });
          assert.deepEqual(given, right);
        }
      },
    ),
    { numRuns: 60 },
  );
});
