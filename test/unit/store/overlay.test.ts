import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes } from "../../../src/base/bytes.ts";
import { keyToText, Overlay, textToKey } from "../../../src/store/overlay.ts";

const SEED = 20_242;

const key = fc.uint8Array({ minLength: 1, maxLength: 3 });
const at = (txId: bigint) => ({ txId, entry: 0, metadata: undefined });

describe("the overlay", () => {
  test("orders its keys as bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }), (a, b) => {
        const [textA, textB] = [keyToText(a), keyToText(b)];
        assert.equal(Math.sign(compareBytes(a, b)), textA < textB ? -1 : textA > textB ? 1 : 0);
        assert.deepEqual(Uint8Array.from(textToKey(textA)), a);
      }),
      { seed: SEED },
    );
  });

  test("holds exactly what was added and neither indexed nor taken back", () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("add" as const),
          keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4, selector: keyToText }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom("index" as const, "takeBack" as const), back: fc.nat(6) }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const overlay = new Overlay();
        let model: { text: string; txId: bigint }[] = [];
        let last = 0n;
        for (const step of steps) {
          if (step.kind === "add") {
            last++;
            for (const added of step.keys) {
              overlay.add(keyToText(added), at(last));
              model.push({ text: keyToText(added), txId: last });
            }
          } else {
            const txId = last > BigInt(step.back) ? last - BigInt(step.back) : 0n;
            if (step.kind === "index") {
              for (const { text } of model) overlay.dropThrough(text, txId);
              model = model.filter((version) => version.txId > txId);
            } else {
              overlay.dropAfter(txId);
              model = model.filter((version) => version.txId <= txId);
              last = txId;
            }
          }
        }
        assert.equal(overlay.size, model.length);
        const texts = [...new Set(model.map(({ text }) => text))].sort();
        assert.deepEqual([...overlay.keys(undefined, undefined, false)], texts);
        for (const text of texts) {
          const expected = model.filter((version) => version.text === text).map(({ txId }) => txId);
          assert.deepEqual(
            overlay.versionsOfText(text).map(({ txId }) => txId),
            expected,
          );
          assert.deepEqual(
            overlay.versions(textToKey(text)).map(({ txId }) => txId),
            expected,
          );
        }
        assert.deepEqual(overlay.versions(Uint8Array.of(1, 2, 3, 4)), []);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test("refuses versions of a key out of order", () => {
    const overlay = new Overlay();
    overlay.add("k", at(2n));
    assert.throws(() => overlay.add("k", at(2n)), /in the order of transactions/);
  });
});
