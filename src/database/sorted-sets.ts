// The members of a sorted set, in the order of their store keys: bits of the score, then key, then atTx. Scores of 0 and above
// come first, in numeric order; negative ones after them, the most negative last. The bytes are fixed by what is hashed, so
// the order is, too.
//
//   bits   0 ─────────── 7FF0… (∞)   8000… (-0) ─────────── FFF0… (-∞)
//   score  0 ──── up ──▶ ∞           -0 ──── down ──▶ -∞
//
// Bounds are compared as numbers. Two habits of the original are kept, since its clients page by them. A walk backwards that
// has no member to start from starts below its greatest score, which is itself left out, or else at ∞: so it never meets
// negative scores, unless the greatest is negative.

import { compareBytes, concat, viewOf } from "../base/bytes.ts";
import { RESULT_ROWS_MAX } from "../base/limits.ts";
import { decodeSortedSetKey, sortedSetKey, sortedSetPrefix } from "../proof/keys.ts";
import type { ZEntry } from "../proof/model.ts";
import type { KeyRange } from "../store/key-reader.ts";
import { isReadable } from "../store/readable.ts";
import { type EntryReads, entryAtTx, latestEntry } from "./entries.ts";
import { afterPrefix, earlier, later } from "./key-bounds.ts";
import { readable, requireRows, requireSince } from "./read.ts";
import { requireNamed } from "./references.ts";
import type { ZScanRequest } from "./requests.ts";

const POSITIVE_LAST = 0x7fff_ffff_ffff_ffffn;
const NEGATIVE_FIRST = 0x8000_0000_0000_0000n;
const NEGATIVE_LAST = 0xffff_ffff_ffff_ffffn;
const ZERO = Uint8Array.of(0);

/** From the first bits of a score to the last, both included. */
type Bits = readonly [first: bigint, last: bigint];

/** Members whose key has a value now, or had one in the transaction that they are bound to. */
export function zScan(store: EntryReads, request: ZScanRequest, now: bigint): ZEntry[] {
  requireNamed(request.set);
  requireRows(request.limit);
  requireSince(store, request.sinceTx);
  const limit = request.limit || RESULT_ROWS_MAX;
  const members: ZEntry[] = [];
  let skip = request.offset;
  for (const range of ranges(request)) {
    for (const { key: storeKey, version } of store.scan(range)) {
      if (!isReadable(version, now)) continue;
      for (const member of memberOf(store, storeKey, now)) {
        if (skip > 0) skip--;
        else members.push(member);
      }
      if (members.length === limit) return members;
    }
  }
  return members;
}

function memberOf(store: EntryReads, storeKey: Uint8Array, now: bigint): ZEntry[] {
  const { set, score, key, atTx } = decodeSortedSetKey(storeKey);
  return readable(() => (atTx === 0n ? latestEntry(store, key, now) : entryAtTx(store, key, atTx, now))).map(
    (entry) => ({ set, key, entry, score, atTx }),
  );
}

/** Store keys of the members asked for, in the order of the answer. */
function ranges(request: ZScanRequest): KeyRange[] {
  const { set, desc, seekKey, seekScore, seekAtTx, inclusiveSeek } = request;
  const prefix = sortedSetPrefix(set);
  const wanted = wantedBits(request).map(([first, last]) => {
    const to = last === NEGATIVE_LAST ? afterPrefix(prefix) : concat(prefix, uint64(last + 1n));
    return { from: concat(prefix, uint64(first)), to, reverse: desc };
  });
  if (desc) wanted.reverse();
  if (seekKey.length === 0) return wanted;
  const position = sortedSetKey(set, seekScore, seekKey, seekAtTx);
  const afterPosition = concat(position, ZERO);
  return wanted
    .map(({ from, to, reverse }) =>
      desc
        ? { from, to: earlier(to, inclusiveSeek ? afterPosition : position), reverse }
        : { from: later(from, inclusiveSeek ? position : afterPosition), to, reverse },
    )
    .filter(({ from, to }) => compareBytes(from, to) < 0);
}

/** The scores asked for, in the order of their bits. */
function wantedBits({ minScore, maxScore, desc, seekKey }: ZScanRequest): Bits[] {
  const min = minScore ?? Number.NEGATIVE_INFINITY;
  const max = maxScore ?? Number.POSITIVE_INFINITY;
  const startsAtMax = desc && seekKey.length === 0;
  const leftOut = startsAtMax && maxScore !== undefined ? 1n : 0n;
  const bits: Bits[] = [];
  if (max >= 0) {
    const last = maxScore === undefined ? POSITIVE_LAST : bitsOf(Math.abs(max)) - leftOut;
    bits.push([min > 0 ? bitsOf(min) : 0n, last]);
  }
  if (min < 0 && !(startsAtMax && max >= 0)) {
    const first = max < 0 ? bitsOf(max) + leftOut : NEGATIVE_FIRST;
    bits.push([first, min === Number.NEGATIVE_INFINITY ? NEGATIVE_LAST : bitsOf(min)]);
  }
  return bits.filter(([first, last]) => first <= last);
}

function bitsOf(score: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, score);
  return view.getBigUint64(0);
}

function uint64(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  viewOf(out).setBigUint64(0, value);
  return out;
}
