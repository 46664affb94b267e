// Keys, what is deleted and what has expired, through every read and write.

import type { Case } from "../corpus.ts";
import { EXPIRED, expired, illegal, notFound, ok, ownCase, refused, setOf, tooManyRows, written } from "./steps.ts";

const LONGEST = "k".repeat(1023);
const TOO_LONG = "k".repeat(1024);
const MAX_UINT64 = "18446744073709551615";

const expiredEverywhere = ownCase("an expired key is absent from every read, and its history tells", [
  setOf(1, { key: "x", value: "e", metadata: EXPIRED }, { key: "y", value: "1" }),
  written("SetReference", { key: "y2", referencedKey: "y" }, 2),
  expired("Get", { key: "x" }),
  expired("Get", { key: "x", atTx: 1 }),
  expired("Get", { key: "x", atRevision: 1 }),
  expired("VerifiableGet", { keyRequest: { key: "x" } }),
  ok("GetAll", { keys: ["x", "y"] }, { entries: [{ tx: "1", key: "y", value: "1", revision: "1" }] }),
  ok("Scan", { prefix: "x" }, {}),
  ok("Count", { prefix: "x" }, {}),
  ok("History", { key: "x" }, { entries: [{ tx: "1", key: "x", metadata: EXPIRED, expired: true, revision: "1" }] }),
  expired("Delete", { keys: ["x"] }),
  expired("SetReference", { key: "r", referencedKey: "x" }),
  expired("SetReference", { key: "r", referencedKey: "x", atTx: 1, boundRef: true }),
  expired("ZAdd", { set: "z", score: 1, key: "x" }),
  expired("ExecAll", { Operations: [{ ref: { key: "r", referencedKey: "x" } }] }),
  expired("ExecAll", { Operations: [{ zAdd: { set: "z", key: "x" } }] }),
  refused(
    "Set",
    { KVs: [{ key: "q", value: "1" }], preconditions: [{ keyMustExist: { key: "x" } }] },
    "FAILED_PRECONDITION",
    "precondition failed: KeyMustExist",
    "23000",
  ),
  written("Set", { KVs: [{ key: "q", value: "1" }], preconditions: [{ keyMustNotExist: { key: "x" } }] }, 3),
  // A key without a value to read may become a reference.
  written("SetReference", { key: "x", referencedKey: "y" }, 4),
  ok(
    "Get",
    { key: "x" },
    {
      tx: "1",
      key: "y",
      value: "1",
      revision: "1",
      referencedBy: { tx: "4", key: "x", revision: "2" },
    },
  ),
]);

const deleted = ownCase("a deletion asks for keys that are there, and is a revision", [
  setOf(1, { key: "a", value: "1" }, { key: "b", value: "2" }),
  refused(
    "Delete",
    { keys: ["a", "a"] },
    "INVALID_ARGUMENT",
    "duplicated keys are not supported in single batch transaction",
  ),
  illegal("Delete", { keys: [""] }),
  notFound("Delete", { keys: ["a", "nope"] }),
  illegal("Delete", { keys: ["a"], sinceTx: 99 }),
  written("Delete", { keys: ["a"], sinceTx: 1, noWait: true }, 2),
  notFound("Get", { key: "a" }),
  notFound("Get", { key: "a", atRevision: 2 }),
  ok("Get", { key: "a", atRevision: -1 }, { tx: "1", key: "a", value: "1", revision: "1" }),
  ok("Get", { key: "a", atRevision: 1 }, { tx: "1", key: "a", value: "1", revision: "1" }),
  notFound("VerifiableGet", { keyRequest: { key: "a", atTx: 2 } }),
  ok("Count", { prefix: "" }, { count: "1" }),
  ok("CountAll", {}, { count: "1" }),
  // What Set marks as deleted is deleted, its value or not.
  setOf(3, { key: "b", value: "ignored", metadata: { deleted: true } }),
  notFound("Get", { key: "b" }),
  ok(
    "History",
    { key: "b" },
    {
      entries: [
        { tx: "1", key: "b", value: "2", revision: "1" },
        { tx: "3", key: "b", metadata: { deleted: true }, revision: "2" },
      ],
    },
  ),
  ok("CountAll", {}, {}),
]);

const keyLengths = ownCase("the longest key is 1023 bytes, and a longer one is nowhere", [
  setOf(1, { key: LONGEST, value: "v" }),
  ok("Get", { key: LONGEST }, { tx: "1", key: LONGEST, value: "v", revision: "1" }),
  notFound("Get", { key: TOO_LONG }),
  notFound("Get", { key: TOO_LONG, atTx: 1 }),
  ok("GetAll", { keys: [TOO_LONG] }, {}),
  notFound("History", { key: TOO_LONG }),
  ok("Scan", { prefix: TOO_LONG }, {}),
  ok("Scan", { seekKey: TOO_LONG }, {}),
  ok("Count", { prefix: TOO_LONG }, {}),
  ok("Count", { prefix: "k" }, { count: "1" }),
  refused("Set", { KVs: [{ key: TOO_LONG, value: "v" }] }, "UNKNOWN", "max key length exceeded"),
  refused("ExecAll", { Operations: [{ kv: { key: TOO_LONG } }] }, "UNKNOWN", "max key length exceeded"),
  refused("VerifiableSet", { setRequest: { KVs: [{ key: TOO_LONG }] } }, "UNKNOWN", "max key length exceeded"),
]);

const numbersAtTheEdge = ownCase("numbers at the edge of their types are answered for what they are", [
  setOf(1, { key: "b", value: "2" }),
  refused("Get", { key: "b", atRevision: "9223372036854775807" }, "UNKNOWN", "invalid key revision number"),
  refused("Get", { key: "b", atRevision: "-9223372036854775808" }, "UNKNOWN", "invalid key revision number"),
  refused("Get", { key: "b", atTx: MAX_UINT64 }, "UNKNOWN", "tx not found"),
  refused(
    "Get",
    { key: "b", sinceTx: MAX_UINT64 },
    "UNKNOWN",
    "illegal arguments: SinceTx must not be greater than the current transaction ID",
  ),
  ok("Get", { key: "b", sinceTx: 1, atRevision: 1 }, { tx: "1", key: "b", value: "2", revision: "1" }),
  refused(
    "Get",
    { key: "b", atTx: 1, sinceTx: 1, atRevision: 1 },
    "UNKNOWN",
    "illegal arguments: SinceTx should not be specified when AtTx is used",
  ),
  ok("Scan", { offset: MAX_UINT64 }, {}),
  tooManyRows("Scan", { limit: "4294967296" }, "4294967296"),
  ok("History", { key: "b", offset: MAX_UINT64 }, {}),
  refused("History", { key: "b", limit: "-2147483648" }, "UNKNOWN", "tbtree: illegal arguments"),
  refused("History", { key: "b", offset: 1, limit: -1 }, "UNKNOWN", "tbtree: illegal arguments"),
  notFound("History", { key: "nope", limit: -1 }),
  tooManyRows("History", { key: "nope", limit: 2501 }, "2501"),
  refused("TxById", { tx: MAX_UINT64 }, "UNKNOWN", "tx not found"),
  ok("TxScan", { initialTx: MAX_UINT64 }, {}),
  tooManyRows("TxScan", { initialTx: 1, limit: 4294967295 }, "4294967295"),
]);

const refusedPrecondition = (preconditions: readonly object[], message: string, info?: string) =>
  refused(
    "Set",
    { KVs: [{ key: "k", value: "x" }], preconditions: preconditions as never },
    info === undefined ? "UNKNOWN" : "FAILED_PRECONDITION",
    message,
    info,
  );

const preconditions = ownCase("preconditions are judged together, malformed ones before any", [
  setOf(1, { key: "k", value: "1" }, { key: "d", value: "1" }),
  written("Delete", { keys: ["d"] }, 2),
  refusedPrecondition([{ keyMustExist: { key: "nope" } }, {}], "invalid precondition: null"),
  refusedPrecondition([{ keyMustNotExist: {} }], "invalid precondition: null key"),
  refusedPrecondition([{ keyNotModifiedAfterTX: { txID: 1 } }], "invalid precondition: null key"),
  refusedPrecondition(
    [{ keyNotModifiedAfterTX: { key: "k" } }],
    "invalid precondition: invalid precondition: invalid transaction ID",
  ),
  refusedPrecondition(
    [{ keyMustExist: { key: "k" } }, { keyMustExist: { key: "d" } }],
    "precondition failed: KeyMustExist",
    "23000",
  ),
  // A deletion changes a key.
  refusedPrecondition(
    [{ keyNotModifiedAfterTX: { key: "d", txID: 1 } }],
    "precondition failed: KeyNotModifiedAfterTxID",
    "23000",
  ),
  written(
    "Set",
    {
      KVs: [{ key: "k", value: "2" }],
      preconditions: [
        { keyNotModifiedAfterTX: { key: "d", txID: 2 } },
        { keyNotModifiedAfterTX: { key: "never", txID: 1 } },
        { keyMustNotExist: { key: "d" } },
      ],
    },
    3,
  ),
  refused("Set", { preconditions: [{ keyMustExist: { key: "nope" } }] }, "UNKNOWN", "no entries provided"),
  ...["SetReference", "ExecAll"].map((method) =>
    refused(
      method,
      {
        ...(method === "ExecAll"
          ? { Operations: [{ ref: { key: "r", referencedKey: "k" } }] }
          : { key: "r", referencedKey: "k" }),
        preconditions: [{ keyMustNotExist: { key: "k" } }],
      },
      "FAILED_PRECONDITION",
      "precondition failed: KeyMustNotExist",
      "23000",
    ),
  ),
  ok("CountAll", {}, { count: "1" }),
]);

export const KEY_CASES: readonly Case[] = [expiredEverywhere, deleted, keyLengths, numbersAtTheEdge, preconditions];
