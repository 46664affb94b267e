// Transactions in every form, and what proves them.

import type { Case, JsonObject } from "../corpus.ts";
import { EXPIRED, header, illegal, notFound, ok, ownCase, refused, setOf, tooManyRows, written } from "./steps.ts";

const RESOLVE = { kvEntriesSpec: { action: "RESOLVE" }, zEntriesSpec: { action: "RESOLVE" } };
const RAW = { kvEntriesSpec: { action: "RAW_VALUE" }, zEntriesSpec: { action: "RAW_VALUE" } };
const DIGEST = { kvEntriesSpec: { action: "ONLY_DIGEST" }, zEntriesSpec: { action: "ONLY_DIGEST" } };

const EH_A = "hex:4fcf0f3ee3ca15b5ede8f61854d74a584786c7c4731eed95f01cfabdd9e1ca45";
const EH_B = "hex:8c2da25c2a8e00ba682b2ce866799a9631693f4614716a5f57101f078ab8a501";
const EH_Z = "hex:495ac6cec635b78a5c604238ad781ed1cd86ccd5f124b196bf8f6ebc2f63ae04";
const H_EMPTY = "hex:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const digestOfA = {
  key: "hex:0061",
  hValue: "hex:2215e8ac4e2b871c2a48189e79738c956c081e23ac2f2415bf77da199dfd920c",
  vLen: 2,
};
const digestOfB = {
  key: "hex:0062",
  hValue: "hex:fa61e3dec3439589f4784c893bf321d0084f04c572c7af2b68e3f3360a35b486",
  vLen: 2,
};
const digestOfZ = {
  key: "hex:0100000000000000017a3ff0000000000000000000000000000200610000000000000000",
  hValue: H_EMPTY,
};
const tx = (head: JsonObject, parts: JsonObject = {}): JsonObject => ({ header: head, ...parts });
const HEAD_A = header(1, 1, EH_A);
const HEAD_B = header(2, 1, EH_B);
const HEAD_Z = header(3, 1, EH_Z);
const member = { set: "z", key: "a", entry: { tx: "1", key: "a", value: "1", revision: "1" }, score: 1 };

// The key-value and sorted-set parts of the recorded case kv/tx-scan, whose other transactions are made by SQL.
const txScan = ownCase("a scan of transactions: entries of each kind in each form, both ways, bounds", [
  setOf(1, { key: "a", value: "1" }),
  setOf(2, { key: "b", value: "2" }),
  ok("ZAdd", { set: "z", score: 1, key: "a" }, HEAD_Z),
  ok(
    "TxScan",
    { initialTx: 1 },
    {
      txs: [
        tx(HEAD_A, { entries: [digestOfA] }),
        tx(HEAD_B, { entries: [digestOfB] }),
        tx(HEAD_Z, { entries: [digestOfZ] }),
      ],
    },
  ),
  ok("TxScan", { initialTx: 2, limit: 1 }, { txs: [tx(HEAD_B, { entries: [digestOfB] })] }),
  ok(
    "TxScan",
    { initialTx: 3, desc: true, limit: 2, noWait: true },
    { txs: [tx(HEAD_Z, { entries: [digestOfZ] }), tx(HEAD_B, { entries: [digestOfB] })] },
  ),
  illegal("TxScan", { initialTx: 0 }),
  illegal("TxScan", {}),
  ok("TxScan", { initialTx: 99 }, {}),
  ok("TxScan", { initialTx: 99, desc: true }, {}),
  tooManyRows("TxScan", { initialTx: 1, limit: 2501 }, "2501"),
  illegal("TxScan", { initialTx: 1, sinceTx: 99 }),
  ok(
    "TxScan",
    { initialTx: 1, entriesSpec: { kvEntriesSpec: { action: "RESOLVE" } } },
    {
      txs: [
        tx(HEAD_A, { kvEntries: [{ tx: "1", key: "a", value: "1" }] }),
        tx(HEAD_B, { kvEntries: [{ tx: "2", key: "b", value: "2" }] }),
        tx(HEAD_Z),
      ],
    },
  ),
  ok(
    "TxScan",
    { initialTx: 2, sinceTx: 3, entriesSpec: { ...RAW, sqlEntriesSpec: { action: "RAW_VALUE" } } },
    {
      txs: [tx(HEAD_B, { entries: [{ ...digestOfB, value: "hex:0032" }] }), tx(HEAD_Z, { entries: [digestOfZ] })],
    },
  ),
  ok("TxScan", { initialTx: 1, entriesSpec: {} }, { txs: [tx(HEAD_A), tx(HEAD_B), tx(HEAD_Z)] }),
  ok(
    "TxScan",
    { initialTx: 2, entriesSpec: { kvEntriesSpec: { action: "EXCLUDE" }, zEntriesSpec: { action: "RESOLVE" } } },
    { txs: [tx(HEAD_B), tx(HEAD_Z, { zEntries: [member] })] },
  ),
  ok(
    "TxScan",
    { initialTx: 2, entriesSpec: DIGEST },
    { txs: [tx(HEAD_B, { entries: [digestOfB] }), tx(HEAD_Z, { entries: [digestOfZ] })] },
  ),
]);

const resolved = ownCase("what cannot be read any more is left out of a resolved transaction, not the transaction", [
  setOf(1, { key: "a", value: "1" }, { key: "x", value: "e", metadata: EXPIRED }),
  written("SetReference", { key: "r", referencedKey: "a" }, 2),
  written("ZAdd", { set: "z", score: 1, key: "a" }, 3),
  written("ZAdd", { set: "z", score: 1, key: "a", atTx: 1, boundRef: true }, 4),
  written("Delete", { keys: ["a"] }, 5),
  ok("TxById", { tx: 1, entriesSpec: RESOLVE }, tx(header(1, 2), { kvEntries: [{ tx: "1", key: "a", value: "1" }] })),
  ok("TxById", { tx: 1, entriesSpec: RAW }, tx(header(1, 2), { entries: [{ ...digestOfA, value: "hex:0031" }] })),
  ok("TxById", { tx: 2, entriesSpec: RESOLVE }, tx(header(2, 1))),
  ok(
    "TxById",
    { tx: 2, entriesSpec: RESOLVE, keepReferencesUnresolved: true },
    tx(header(2, 1), { kvEntries: [{ key: "a", referencedBy: { tx: "2", key: "r" } }] }),
  ),
  ok("TxById", { tx: 3, entriesSpec: RESOLVE }, tx(header(3, 1))),
  ok(
    "TxById",
    { tx: 3, entriesSpec: RESOLVE, keepReferencesUnresolved: true },
    tx(header(3, 1), { zEntries: [{ set: "z", key: "a", entry: { key: "a" }, score: 1 }] }),
  ),
  ok(
    "TxById",
    { tx: 4, entriesSpec: RESOLVE },
    tx(header(4, 1), {
      zEntries: [{ set: "z", key: "a", entry: { tx: "1", key: "a", value: "1" }, score: 1, atTx: "1" }],
    }),
  ),
  ok("TxById", { tx: 5, entriesSpec: RESOLVE }, tx(header(5, 1))),
  ok(
    "TxById",
    { tx: 5, entriesSpec: RAW },
    tx(header(5, 1), { entries: [{ key: "hex:0061", hValue: H_EMPTY, metadata: { deleted: true } }] }),
  ),
  illegal("TxById", { tx: 1, sinceTx: 99 }),
  illegal("TxById", { tx: 99, sinceTx: 99 }),
]);

const ANY = { $any: "message" };
const PROVE_FUTURE = "illegal state: latest txID=2 is lower than specified as initial tx=3";

const verified = ownCase("proofs start at the state that the caller trusts, which must exist, whatever else is wrong", [
  setOf(1, { key: "a", value: "1" }),
  written("SetReference", { key: "r", referencedKey: "a", atTx: 1, boundRef: true }, 2),
  ...[0, 1, 2].map((proveSinceTx) =>
    ok(
      "VerifiableTxById",
      { tx: 1, proveSinceTx, entriesSpec: RAW },
      { tx: tx(HEAD_A, { entries: [{ ...digestOfA, value: "hex:0031" }] }), dualProof: ANY },
    ),
  ),
  ok(
    "VerifiableTxById",
    { tx: 2, proveSinceTx: 1, entriesSpec: RESOLVE, keepReferencesUnresolved: true },
    {
      tx: tx(header(2, 1), { kvEntries: [{ tx: "1", key: "a", referencedBy: { tx: "2", key: "r", atTx: "1" } }] }),
      dualProof: ANY,
    },
  ),
  illegal("VerifiableTxById", { tx: 0, proveSinceTx: 99 }),
  refused("VerifiableTxById", { tx: 1, proveSinceTx: 3 }, "UNKNOWN", PROVE_FUTURE),
  refused("VerifiableTxById", { tx: 3, proveSinceTx: 2 }, "UNKNOWN", "tx not found"),
  illegal("VerifiableTxById", { tx: 1, sinceTx: 99 }),
  refused("VerifiableGet", { keyRequest: { key: "nope" }, proveSinceTx: 3 }, "INVALID_ARGUMENT", "illegal state"),
  refused("VerifiableGet", { keyRequest: {} }, "UNKNOWN", "illegal arguments: empty key"),
  notFound("VerifiableGet", { keyRequest: { key: "a", atTx: 2 } }),
  refused("VerifiableSet", { setRequest: {} }, "UNKNOWN", "no entries provided"),
  refused("VerifiableSet", { setRequest: {}, proveSinceTx: 3 }, "INVALID_ARGUMENT", "illegal state"),
  illegal("VerifiableSetReference", {}),
  illegal("VerifiableSetReference", { referenceRequest: { key: "q", referencedKey: "a" }, proveSinceTx: 3 }),
  illegal("VerifiableZAdd", {}),
  illegal("VerifiableZAdd", { zAddRequest: { set: "z", key: "a" }, proveSinceTx: 3 }),
  illegal("VerifiableZAdd", { zAddRequest: { set: "z", key: "a", atTx: 1 } }),
  // Nothing of what was refused is written.
  ok(
    "CurrentState",
    {},
    {
      db: "$" + "{DB}",
      txId: "2",
      txHash: { $any: "bytes" },
      precommittedTxId: "2",
      precommittedTxHash: { $any: "bytes" },
    },
  ),
]);

export const TRANSACTION_CASES: readonly Case[] = [txScan, resolved, verified];
