import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import { buildDualProof, verifyDualProof } from "../../../src/proof/dual.ts";
import { buildDualProofV2, verifyDualProofV2 } from "../../../src/proof/dual-v2.ts";
import { historyConsistency, historyInclusion } from "../../../src/proof/history-tree.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import {
  buildLinearAdvanceProof,
  buildLinearProof,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from "../../../src/proof/linear.ts";
import type { DualProof, DualProofV2 } from "../../../src/proof/model.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import { ledgers } from "./arbitraries.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { assertRefused } from "./refusals.ts";

type Code = Parameters<typeof assertRefused>[0];

/** A ledger and two of its transactions, the first not later than the second. */
const pairs = ledgers.chain((ledger) => {
  return fc
    .bigInt(1n, ledger.last)
    .chain((t) => fc.record({ ledger: fc.constant(ledger), s: fc.bigInt(1n, t), t: fc.constant(t) }));
});

const entry = { key: plainKey(utf8("key")), value: plainValue(utf8("value")) };
const zero = new Uint8Array(32);

/** Sixteen transactions whose headers all commit to their whole history. */
const regular = ledgerOf(16, () => 0);
/** Headers 1 to 8 commit to nothing, header 9 to transaction 1, all later ones to everything before them. */
const lagging = ledgerOf(16, (id) => (id < 9 ? 20 : id === 9 ? 7 : 0));

describe("the linear chain", () => {
  test("is proven between any two transactions", () => {
    fc.assert(
      fc.property(pairs, ({ ledger, s, t }) => {
        const proof = buildLinearProof(s, t, ledger);
        assert.deepEqual(verifyLinearProof(proof, s, t, ledger.alh(s), ledger.alh(t)), ledger.alh(t));
      }),
    );
  });

  test("is not proven by a proof that is missing, of other transactions, of another length or from elsewhere", () => {
    const proof = buildLinearProof(2n, 4n, regular);
    const [sAlh, tAlh] = [regular.alh(2n), regular.alh(4n)];
    const refuse = (run: () => unknown): void => assertRefused("linear_proof", run);
    refuse(() => verifyLinearProof(undefined, 2n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof(proof, 2n, 5n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ ...proof, sourceTxId: 3n }, 2n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ ...proof, sourceTxId: 0n }, 0n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ ...proof, sourceTxId: 5n }, 5n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ ...proof, terms: proof.terms.slice(0, 2) }, 2n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ ...proof, terms: [] }, 2n, 4n, sAlh, tAlh));
    refuse(() => verifyLinearProof({ sourceTxId: 2n, targetTxId: 2n, terms: [] }, 2n, 2n, sAlh, sAlh));
    refuse(() => verifyLinearProof(proof, 2n, 4n, tAlh, tAlh));
    refuse(() => verifyLinearProof(proof, 2n, 4n, sAlh, sAlh));
    assert.throws(() => buildLinearProof(3n, 2n, regular), { name: "AssertionError" });
  });

  test("is tied to a newer tree by the advance proof, transaction by transaction", () => {
    const { blRoot, blTxId } = lagging.header(16n);
    const proof = buildLinearAdvanceProof(0n, 8n, blTxId, lagging);
    const verify = (changed: typeof proof, start = 0n, end = 8n): Uint8Array =>
      verifyLinearAdvanceProof(changed, start, end, lagging.alh(8n), blRoot, blTxId);
    assert.ok(proof !== undefined);
    assert.deepEqual(verify(proof), lagging.alh(8n));
    const refuse = (changed: typeof proof | undefined, start = 0n, end = 8n): void =>
      assertRefused("linear_advance_proof", () => verify(changed, start, end));
    refuse(undefined);
    refuse(proof, 9n, 8n);
    refuse(proof, 1n, 8n);
    refuse({ ...proof, linearProofTerms: [] });
    refuse({ ...proof, linearProofTerms: proof.linearProofTerms.slice(1) });
    refuse({ ...proof, inclusionProofs: proof.inclusionProofs.slice(1) });
    refuse({ ...proof, linearProofTerms: [...proof.linearProofTerms.slice(0, -1), zero] });
    const otherLeaf = { ...proof, linearProofTerms: [zero, ...proof.linearProofTerms.slice(1)] };
    assertRefused("history_inclusion", () => verify(otherLeaf));
  });

  test("needs no advance proof where no transaction lies in between", () => {
    assert.equal(buildLinearAdvanceProof(3n, 4n, 9n, regular), undefined);
    assert.deepEqual(verifyLinearAdvanceProof(undefined, 3n, 4n, zero, zero, 9n), zero);
  });
});

describe("the dual proof", () => {
  test("shows that any transaction is part of the history of any later one", () => {
    fc.assert(
      fc.property(pairs, ({ ledger, s, t }) => {
        const proof = buildDualProof(ledger.header(s), ledger.header(t), ledger);
        const { source, target } = verifyDualProof(proof, s, t, ledger.alh(s), ledger.alh(t));
        assert.deepEqual([source.id, target.id], [s, t]);
      }),
      { numRuns: 300 },
    );
  });

  test("shows nothing about another history", () => {
    const fork = ledgerOf(16, () => 0, 9);
    const proof = buildDualProof(fork.header(8n), fork.header(16n), fork);
    assert.doesNotThrow(() => verifyDualProof(proof, 8n, 16n, regular.alh(8n), fork.alh(16n)));
    const late = buildDualProof(fork.header(10n), fork.header(16n), fork);
    assertRefused("source_alh", () => verifyDualProof(late, 10n, 16n, regular.alh(10n), fork.alh(16n)));
    const spliced: DualProof = { ...late, sourceTxHeader: regular.header(10n) };
    assertRefused("history_inclusion", () => verifyDualProof(spliced, 10n, 16n, regular.alh(10n), fork.alh(16n)));
  });

  test("names the check that fails", () => {
    const proof = buildDualProof(regular.header(6n), regular.header(12n), regular);
    const verify = (change: Partial<DualProof>, s = 6n, t = 12n, sAlh = regular.alh(6n), tAlh = regular.alh(12n)) =>
      verifyDualProof({ ...proof, ...change }, s, t, sAlh, tAlh);
    const refuse = (code: Code, change: Partial<DualProof>): void => assertRefused(code, () => verify(change));
    assertRefused("dual_proof_tx_ids", () => verify({}, 5n));
    assertRefused("dual_proof_tx_ids", () => verify({}, 6n, 13n));
    assertRefused("dual_proof_tx_ids", () =>
      verifyDualProof(
        { ...proof, sourceTxHeader: regular.header(12n), targetTxHeader: regular.header(6n) },
        12n,
        6n,
        regular.alh(12n),
        regular.alh(6n),
      ),
    );
    assertRefused("source_alh", () => verify({}, 6n, 12n, zero));
    assertRefused("target_alh", () => verify({}, 6n, 12n, regular.alh(6n), zero));
    refuse("version_unsupported", { sourceTxHeader: { ...proof.sourceTxHeader, version: 2 } });
    refuse("history_inclusion", { inclusionProof: [] });
    refuse("history_consistency", { consistencyProof: [] });
    refuse("history_last_inclusion", { lastInclusionProof: [] });
    refuse("history_last_inclusion", { targetBlTxAlh: zero });
    refuse("linear_proof", { linearProof: undefined });
    refuse("unused_part", { linearAdvanceProof: { linearProofTerms: [zero], inclusionProofs: [] } });
    assert.ok(verify({ linearAdvanceProof: { linearProofTerms: [], inclusionProofs: [] } }));
  });

  test("refuses content in any part that nothing would check", () => {
    const between = (s: bigint, t: bigint, change: Partial<DualProof>) => (): unknown =>
      verifyDualProof(
        { ...buildDualProof(regular.header(s), regular.header(t), regular), ...change },
        s,
        t,
        regular.alh(s),
        regular.alh(t),
      );
    assertRefused("unused_part", between(7n, 8n, { inclusionProof: [zero] }));
    assertRefused("unused_part", between(1n, 8n, { consistencyProof: [zero] }));
    assertRefused("unused_part", between(1n, 1n, { lastInclusionProof: [zero] }));
    assertRefused("unused_part", between(1n, 1n, { targetBlTxAlh: regular.alh(1n) }));
    assertRefused(
      "unused_part",
      between(1n, 8n, { linearAdvanceProof: { linearProofTerms: [], inclusionProofs: [[]] } }),
    );
  });

  test("demands the advance proof where a lagging history calls for it (CVE-2022-36111)", () => {
    const proof = buildDualProof(lagging.header(8n), lagging.header(16n), lagging);
    const verify = (change: Partial<DualProof>) => (): unknown =>
      verifyDualProof({ ...proof, ...change }, 8n, 16n, lagging.alh(8n), lagging.alh(16n));
    assert.ok(verify({})());
    assertRefused("linear_advance_proof", verify({ linearAdvanceProof: undefined }));
  });

  test("ties the source to the last leaf of the target's tree when it is that leaf", () => {
    // The target follows transaction 7 in the chain, but commits to a tree with another transaction 7 in it.
    const fork = ledgerOf(8, () => 0, 7);
    const target = { ...regular.header(8n), blRoot: fork.header(8n).blRoot };
    const proof: DualProof = {
      ...buildDualProof(regular.header(7n), target, { ...regular, header: () => target }),
      consistencyProof: historyConsistency(6, 7, fork.node),
      targetBlTxAlh: fork.alh(7n),
      lastInclusionProof: historyInclusion(7, 7, fork.node),
    };
    assertRefused("source_alh", () => verifyDualProof(proof, 7n, 8n, regular.alh(7n), alh(target)));
  });

  test("is not built backwards", () => {
    const build = (): unknown => buildDualProof(regular.header(3n), regular.header(2n), regular);
    assert.throws(build, { name: "AssertionError" });
  });
});

describe("the dual proof of documents", () => {
  test("shows that any transaction is part of the history of any later one", () => {
    for (let t = 1n; t <= regular.last; t++) {
      for (let s = 1n; s <= t; s++) {
        const proof = buildDualProofV2(regular.header(s), regular.header(t), regular.node);
        const { source, target } = verifyDualProofV2(proof, s, t, regular.alh(s), regular.alh(t));
        assert.deepEqual([source.id, target.id], [s, t]);
      }
    }
  });

  test("names the check that fails", () => {
    const verify = (s: bigint, t: bigint, change: Partial<DualProofV2>) => (): unknown =>
      verifyDualProofV2(
        { ...buildDualProofV2(regular.header(s), regular.header(t), regular.node), ...change },
        s,
        t,
        regular.alh(s),
        regular.alh(t),
      );
    assertRefused("history_inclusion", verify(3n, 9n, { inclusionProof: [] }));
    assertRefused("history_consistency", verify(3n, 9n, { consistencyProof: [] }));
    assertRefused("history_consistency", verify(1n, 9n, { consistencyProof: [] }));
    assertRefused("unused_part", verify(3n, 3n, { inclusionProof: [zero] }));
    assertRefused("unused_part", verify(3n, 3n, { consistencyProof: [zero] }));
    assertRefused("dual_proof_tx_ids", verify(3n, 9n, { sourceTxHeader: regular.header(4n) }));
  });

  test("refuses, and is not built over, headers that lag behind", () => {
    const [source, target] = [lagging.header(8n), lagging.header(16n)];
    assert.throws(() => buildDualProofV2(source, target, lagging.node), { name: "AssertionError" });
    assert.throws(() => buildDualProofV2(target, source, lagging.node), { name: "AssertionError" });
    const proof = { sourceTxHeader: source, targetTxHeader: target, inclusionProof: [], consistencyProof: [] };
    assertRefused("binary_linking", () => verifyDualProofV2(proof, 8n, 16n, lagging.alh(8n), lagging.alh(16n)));
    const late = { ...proof, sourceTxHeader: lagging.header(12n), targetTxHeader: lagging.header(9n) };
    assertRefused("dual_proof_tx_ids", () => verifyDualProofV2(late, 12n, 9n, lagging.alh(12n), lagging.alh(9n)));
  });
});

function ledgerOf(size: number, lag: (id: number) => number, differentFrom = size + 1): MemoryLedger {
  const ledger = new MemoryLedger();
  for (let id = 1; id <= size; id++) {
    const value = id < differentFrom ? entry.value : plainValue(utf8("another value"));
    ledger.commit([{ ...entry, value }], { lag: lag(id) });
  }
  return ledger;
}
