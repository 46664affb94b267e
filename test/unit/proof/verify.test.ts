import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { ADVANCE_PROOF_TXS_MAX } from "../../../src/base/limits.ts";
import { completeAdvanceProof } from "../../../src/proof/advance.ts";
import { plainKey, plainValue, referenceValue, sortedSetKey } from "../../../src/proof/keys.ts";
import type {
  DualProof,
  Entry,
  State,
  TxEntry,
  TxHeader,
  VerifiableEntry,
  VerifiableTx,
} from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import {
  auditedState,
  type FetchDualProof,
  type Trusted,
  verifiedGet,
  verifiedReference,
  verifiedSet,
  verifiedTxById,
  verifiedZAdd,
} from "../../../src/proof/verify.ts";
import { MemoryLedger, PUBLIC_KEY, type WrittenEntry } from "./memory-ledger.ts";
import { assertRejected } from "./refusals.ts";

const key = utf8("key");
const value = utf8("value");
const expiring = { deleted: false, expiresAt: 1_900_000_000n, nonIndexable: false };
const deleted = { deleted: true, expiresAt: undefined, nonIndexable: false };
const pair: WrittenEntry = { key: plainKey(key), value: plainValue(value) };
const other: WrittenEntry = { key: plainKey(utf8("other")), value: plainValue(utf8("thing")) };

let ledger: MemoryLedger;

beforeEach(() => {
  ledger = new MemoryLedger();
  ledger.commit([other]);
  ledger.commit([pair]);
  ledger.commit([other]);
});

function trusting(txId: bigint): Trusted {
  return { state: ledger.state(txId), publicKey: PUBLIC_KEY };
}

function assertState(state: State, txId: bigint): void {
  assert.equal(state.db, ledger.db);
  assert.equal(state.txId, txId);
  assert.deepEqual(state.txHash, ledger.alh(txId));
}

function withTx(
  answer: VerifiableTx,
  change: { header?: Partial<TxHeader>; entries?: readonly TxEntry[] },
): VerifiableTx {
  const { header, entries } = answer.tx;
  return { ...answer, tx: { header: { ...header, ...change.header }, entries: change.entries ?? entries } };
}

describe("a verified set", () => {
  test("moves the state to its own transaction, from any state and from none", async () => {
    for (const n of [0n, 1n, 2n, 3n]) {
      const txId = ledger.commit([pair]).id;
      assertState(await verifiedSet(trusting(n), [{ key, value }], ledger.verifiableTx(txId, n)), txId);
    }
  });

  test("of several pairs checks every pair and their metadata", async () => {
    const pairs = [
      { key, value, metadata: expiring },
      { key: utf8("other"), value: utf8("thing") },
    ];
    ledger.commit([{ ...pair, metadata: expiring }, other]);
    const answer = ledger.verifiableTx(4n, 3n);
    assertState(await verifiedSet(trusting(3n), pairs, answer), 4n);
    await assertRejected("entry_count", verifiedSet(trusting(3n), pairs.slice(1), answer));
    await assertRejected("entry_digest", verifiedSet(trusting(3n), [{ key, value }, pairs[1] as WrittenEntry], answer));
  });

  test("is refused when the server wrote something else", async () => {
    const set = (request: { key: Uint8Array; value: Uint8Array }, written: WrittenEntry): Promise<State> => {
      const txId = ledger.commit([written]).id;
      return verifiedSet(trusting(1n), [request], ledger.verifiableTx(txId, 1n));
    };
    await assertRejected("entry_missing", set({ key, value }, other));
    await assertRejected("entry_digest", set({ key, value }, { ...pair, value: plainValue(utf8("changed")) }));
    await assertRejected("entry_digest", set({ key, value }, { ...pair, metadata: expiring }));
    await assertRejected("entry_digest", set({ key, value }, { ...pair, metadata: deleted }));
    const deletion = verifiedSet(trusting(1n), [{ key, value, metadata: deleted }], ledger.verifiableTx(2n, 1n));
    await assertRejected("entry_metadata", deletion);
  });

  test("is refused when no new transaction was made: an old acknowledgement shown again", async () => {
    await assertRejected("tx_not_new", verifiedSet(trusting(2n), [{ key, value }], ledger.verifiableTx(2n, 2n)));
    await assertRejected("tx_not_new", verifiedSet(trusting(3n), [{ key, value }], ledger.verifiableTx(2n, 3n)));
  });

  test("is refused when the entries listed are not those of the transaction", async () => {
    const answer = ledger.verifiableTx(2n, 1n);
    const set = (changed: VerifiableTx): Promise<State> => verifiedSet(trusting(1n), [{ key, value }], changed);
    await assertRejected("entry_count", set(withTx(answer, { entries: [] })));
    const forged = { key: plainKey(key), metadata: undefined, hValue: sha256(utf8("")), vLen: 0 };
    await assertRejected("entries_root", set(withTx(answer, { entries: [forged] })));
    await assertRejected("tx_header", set(withTx(answer, { header: { ts: 1n } })));
  });

  test("refuses metadata under header version 0, whose digest would not cover it", async () => {
    const txId = ledger.commit([pair], { version: 0 }).id;
    const answer = ledger.verifiableTx(txId, 1n);
    assertState(await verifiedSet(trusting(1n), [{ key, value }], answer), txId);
    const entries = answer.tx.entries.map((entry) => ({ ...entry, metadata: deleted }));
    await assertRejected(
      "metadata_unsupported",
      verifiedSet(trusting(1n), [{ key, value }], withTx(answer, { entries })),
    );
  });

  test("is refused without the signature of the configured key, and accepted unsigned when none is configured", async () => {
    const answer = { ...ledger.verifiableTx(2n, 1n), signature: undefined };
    await assertRejected("signature_missing", verifiedSet(trusting(1n), [{ key, value }], answer));
    assertState(await verifiedSet({ state: ledger.state(1n) }, [{ key, value }], answer), 2n);
    const old = { ...answer, signature: ledger.state(1n).signature };
    await assertRejected("signature_invalid", verifiedSet(trusting(1n), [{ key, value }], old));
  });

  test("is refused when the history is not that of the trusted state", async () => {
    const { state } = trusting(1n);
    const elsewhere = { state: { ...state, txHash: sha256(utf8("elsewhere")) } };
    await assertRejected("source_alh", verifiedSet(elsewhere, [{ key, value }], ledger.verifiableTx(2n, 1n)));
  });

  test("at first contact ignores the stored hash, but not an answer at odds with itself", async () => {
    const nothing = { state: { ...ledger.state(0n), txHash: new Uint8Array(32) }, publicKey: PUBLIC_KEY };
    const answer = ledger.verifiableTx(2n, 0n);
    assertState(await verifiedSet(nothing, [{ key, value }], answer), 2n);
    const dualProof = { ...answer.dualProof, sourceTxHeader: ledger.header(1n) };
    await assertRejected("dual_proof_tx_ids", verifiedSet(nothing, [{ key, value }], { ...answer, dualProof }));
    const { linearProof: _, ...cut } = answer.dualProof;
    await assertRejected(
      "linear_proof",
      verifiedSet(nothing, [{ key, value }], { ...answer, dualProof: { ...cut, linearProof: undefined } }),
    );
  });
});

describe("a verified reference and a verified set member", () => {
  test("move the state to their transaction", async () => {
    ledger.commit([{ key: plainKey(utf8("ref")), value: referenceValue(key, 2n) }]);
    const reference = { key: utf8("ref"), referencedKey: key, atTx: 2n };
    assertState(await verifiedReference(trusting(3n), reference, ledger.verifiableTx(4n, 3n)), 4n);
    ledger.commit([{ key: sortedSetKey(utf8("set"), -0.5, key, 0n), value: utf8("") }]);
    const member = { set: utf8("set"), score: -0.5, key, atTx: 0n };
    assertState(await verifiedZAdd(trusting(3n), member, ledger.verifiableTx(5n, 3n)), 5n);
  });

  test("are refused when they lead elsewhere", async () => {
    ledger.commit([{ key: plainKey(utf8("ref")), value: referenceValue(key, 0n) }]);
    const reference = { key: utf8("ref"), referencedKey: key, atTx: 2n };
    await assertRejected("entry_digest", verifiedReference(trusting(3n), reference, ledger.verifiableTx(4n, 3n)));
    ledger.commit([{ key: sortedSetKey(utf8("set"), 1, key, 0n), value: utf8("") }]);
    const member = { set: utf8("set"), score: 2, key, atTx: 0n };
    await assertRejected("entry_missing", verifiedZAdd(trusting(3n), member, ledger.verifiableTx(5n, 3n)));
  });
});

describe("a verified get", () => {
  const get = (n: bigint, answer: VerifiableEntry, atTx = 0n): Promise<State> =>
    verifiedGet(trusting(n), { key, atTx }, answer);
  const withEntry = (answer: VerifiableEntry, change: Partial<Entry>): VerifiableEntry => {
    return { ...answer, entry: { ...answer.entry, ...change } };
  };

  test("moves the state forward to a newer entry, and leaves it where it is for an older one", async () => {
    assertState(await get(0n, ledger.verifiableEntry(key, 2n, 0n)), 2n);
    assertState(await get(1n, ledger.verifiableEntry(key, 2n, 1n)), 2n);
    assertState(await get(2n, ledger.verifiableEntry(key, 2n, 2n)), 2n);
    assertState(await get(3n, ledger.verifiableEntry(key, 2n, 3n)), 3n);
    assertState(await get(3n, ledger.verifiableEntry(key, 2n, 3n), 2n), 3n);
  });

  test("verifies the requested key, whatever key the answer names", async () => {
    assertState(await get(1n, withEntry(ledger.verifiableEntry(key, 2n, 1n), { key: utf8("another") })), 2n);
    const wrong = ledger.verifiableEntry(utf8("other"), 1n, 2n);
    await assertRejected("entries_inclusion", get(2n, withEntry(wrong, { key })));
  });

  test("is refused for another value, other metadata or another transaction", async () => {
    const answer = ledger.verifiableEntry(key, 2n, 1n);
    await assertRejected("entries_inclusion", get(1n, withEntry(answer, { value: utf8("changed") })));
    await assertRejected("entries_inclusion", get(1n, withEntry(answer, { metadata: expiring })));
    await assertRejected("entry_tx", get(1n, answer, 1n));
    await assertRejected("dual_proof_tx_ids", get(1n, withEntry(answer, { tx: 3n })));
  });

  test("is refused when the header that comes with it is not the proven one", async () => {
    const answer = ledger.verifiableEntry(key, 2n, 1n);
    const verifiableTx = withTx(answer.verifiableTx, { header: { ts: 1n } });
    await assertRejected("tx_header", get(1n, { ...answer, verifiableTx }));
  });

  test("through a reference proves the reference", async () => {
    const name = utf8("ref");
    ledger.commit([{ key: plainKey(name), value: referenceValue(key, 2n), metadata: expiring }]);
    const answer = ledger.verifiableEntry(name, 4n, 3n, 2n);
    const { referencedBy } = answer.entry;
    assert.ok(referencedBy !== undefined);
    const getRef = (changed: VerifiableEntry, atTx = 0n): Promise<State> =>
      verifiedGet(trusting(3n), { key: name, atTx }, changed);
    assertState(await getRef(answer), 4n);
    assertState(await getRef(answer, 4n), 4n);
    await assertRejected("entry_tx", getRef(answer, 2n));
    await assertRejected("entry_tx", getRef(withEntry(answer, { tx: 3n })));
    await assertRejected("entries_inclusion", getRef(withEntry(answer, { key: utf8("other") })));
    const elsewhere = withEntry(answer, { referencedBy: { ...referencedBy, key } });
    await assertRejected("entry_missing", getRef(elsewhere));
    const free = withEntry(answer, { referencedBy: { ...referencedBy, metadata: undefined } });
    await assertRejected("entries_inclusion", getRef(free));
  });

  test("through an unbound reference follows the latest value, which stays unproven", async () => {
    const name = utf8("ref");
    ledger.commit([{ key: plainKey(name), value: referenceValue(key, 0n) }]);
    const answer = ledger.verifiableEntry(name, 4n, 3n, 2n);
    assertState(await verifiedGet(trusting(3n), { key: name, atTx: 0n }, answer), 4n);
  });
});

describe("a verified transaction", () => {
  const byId = (tx: bigint, n: bigint, answer: VerifiableTx, rawValues = false): Promise<State> =>
    verifiedTxById(trusting(n), { tx, rawValues }, answer);

  test("is bound to its header and entries, before and after the trusted state", async () => {
    assertState(await byId(2n, 0n, ledger.verifiableTx(2n, 0n)), 2n);
    assertState(await byId(2n, 1n, ledger.verifiableTx(2n, 1n)), 2n);
    assertState(await byId(2n, 3n, ledger.verifiableTx(2n, 3n)), 3n);
  });

  test("is refused when it is another one, or lists other entries", async () => {
    const answer = ledger.verifiableTx(2n, 1n);
    await assertRejected("tx_id", byId(3n, 1n, answer));
    await assertRejected("entry_count", byId(2n, 1n, withTx(answer, { entries: [] })));
    const renamed = answer.tx.entries.map((entry) => ({ ...entry, key: plainKey(utf8("renamed")) }));
    await assertRejected("entries_root", byId(2n, 1n, withTx(answer, { entries: renamed })));
    await assertRejected("tx_header", byId(2n, 1n, withTx(answer, { header: { ts: 1n } })));
    const earlier = ledger.verifiableTx(1n, 3n);
    await assertRejected("tx_header", byId(1n, 3n, withTx(earlier, { header: { ts: 1n } })));
  });

  test("with raw values must bring every value, each with the hash that is listed", async () => {
    ledger.commit([pair, { key: sortedSetKey(utf8("set"), 1, key, 0n), value: utf8("") }]);
    const answer = ledger.verifiableTx(4n, 3n);
    const [first, second] = answer.tx.entries as [TxEntry, TxEntry];
    const raw = withTx(answer, { entries: [{ ...first, value: pair.value }, second] });
    assertState(await byId(4n, 3n, raw, true), 4n);
    assertState(await byId(4n, 3n, raw), 4n);
    await assertRejected("entry_value", byId(4n, 3n, answer, true));
    const changed = withTx(answer, { entries: [{ ...first, value: plainValue(utf8("changed")) }, second] });
    await assertRejected("entry_value", byId(4n, 3n, changed, true));
    await assertRejected("entry_value", byId(4n, 3n, changed));
  });
});

describe("an audit", () => {
  const fetchDualProof: FetchDualProof = async (tx, proveSinceTx) => ledger.dualProof(tx, proveSinceTx);
  const audit = (state: State, current: State): Promise<State> =>
    auditedState({ state, publicKey: PUBLIC_KEY, fetchDualProof }, current);

  test("takes the first state as it is, once its signature holds", async () => {
    const current = ledger.state(3n);
    assert.equal(await audit(ledger.state(0n), current), current);
    await assertRejected("signature_missing", audit(ledger.state(0n), { ...current, signature: undefined }));
  });

  test("follows the server's state as long as it continues the trusted one", async () => {
    assertState(await audit(ledger.state(1n), ledger.state(3n)), 3n);
    assertState(await audit(ledger.state(3n), ledger.state(3n)), 3n);
    const unsigned = { ...ledger.state(3n), signature: undefined };
    assertState(await auditedState({ state: ledger.state(2n), fetchDualProof }, unsigned), 3n);
  });

  test("raises the alarm when history was lost, replaced, or belongs to another database", async () => {
    await assertRejected("state_rolled_back", audit(ledger.state(3n), ledger.state(2n)));
    await assertRejected("state_rolled_back", audit(ledger.state(3n), ledger.state(0n)));
    const replaced = { ...ledger.state(2n), txHash: sha256(utf8("replaced")) };
    await assertRejected("source_alh", audit(replaced, ledger.state(3n)));
    await assertRejected("state_database", audit({ ...ledger.state(1n), db: "other" }, ledger.state(3n)));
  });
});

describe("an advance proof that the server leaves out", () => {
  const lag = (id: number): number => (id < 9 ? 20 : 0);

  beforeEach(() => {
    ledger = new MemoryLedger();
    for (let id = 1; id <= 12; id++) ledger.commit([pair], { lag: lag(id) });
  });

  /** As a server before 1.4.1 answers. */
  const fetchDualProof: FetchDualProof = async (tx, proveSinceTx) => {
    return { ...ledger.dualProof(tx, proveSinceTx), linearAdvanceProof: undefined };
  };

  const byId = (trusted: Trusted): Promise<State> => {
    const answer = ledger.verifiableTx(12n, 8n);
    const dualProof: DualProof = { ...answer.dualProof, linearAdvanceProof: undefined };
    return verifiedTxById(trusted, { tx: 12n, rawValues: false }, { ...answer, dualProof });
  };

  test("is asked for piece by piece, and then checked like any other", async () => {
    assertState(await byId({ ...trusting(8n), fetchDualProof }), 12n);
    const evasive: FetchDualProof = async (tx, n) => ({ ...(await fetchDualProof(tx, n)), linearProof: undefined });
    await assertRejected("linear_advance_proof", byId({ ...trusting(8n), fetchDualProof: evasive }));
    const { inclusionProof } = ledger.dualProof(12n, 1n);
    const lying: FetchDualProof = async (tx, n) => ({ ...(await fetchDualProof(tx, n)), inclusionProof });
    await assertRejected("history_inclusion", byId({ ...trusting(8n), fetchDualProof: lying }));
  });

  test("is not asked for when there is nobody to ask, when it is there, or when it is not needed", async () => {
    await assertRejected("linear_advance_proof", byId(trusting(8n)));
    const never: FetchDualProof = () => assert.fail("must not be asked");
    const complete = ledger.dualProof(12n, 8n);
    assert.equal(await completeAdvanceProof(complete, never), complete);
    const unneeded = ledger.dualProof(12n, 10n);
    assert.equal(await completeAdvanceProof(unneeded, never), unneeded);
  });

  test("is not asked for when that would take too many questions", async () => {
    const id = BigInt(ADVANCE_PROOF_TXS_MAX) + 2n;
    const proof: DualProof = {
      ...ledger.dualProof(12n, 8n),
      sourceTxHeader: { ...ledger.header(8n), id },
      targetTxHeader: { ...ledger.header(12n), id: id + 2n, blTxId: id + 1n },
      linearAdvanceProof: undefined,
    };
    await assertRejected("linear_advance_proof", completeAdvanceProof(proof, fetchDualProof));
  });
});
