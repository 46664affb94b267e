// References, sorted sets and batches.

import type { Case, JsonObject } from "../corpus.ts";
import { EXPIRED, illegal, notFound, ok, ownCase, refused, setOf, tooManyRows, written } from "./steps.ts";

const TO_REFERENCE = "referenced key cannot be a reference";
const FINAL_KEY = "final key cannot be converted into a reference";
const TOO_LONG = "k".repeat(1024);

const references = ownCase("a reference follows one step, at any revision, and is overwritten by another", [
  setOf(1, { key: "t", value: "1" }, { key: "u", value: "2" }),
  written("SetReference", { key: "r", referencedKey: "t" }, 2),
  written("SetReference", { key: "r", referencedKey: "u" }, 3),
  ok(
    "Get",
    { key: "r" },
    { tx: "1", key: "u", value: "2", referencedBy: { tx: "3", key: "r", revision: "2" }, revision: "1" },
  ),
  ok(
    "Get",
    { key: "r", atRevision: 1 },
    { tx: "1", key: "t", value: "1", referencedBy: { tx: "2", key: "r", revision: "1" }, revision: "1" },
  ),
  ok(
    "Get",
    { key: "r", atTx: 2 },
    { tx: "1", key: "t", value: "1", referencedBy: { tx: "2", key: "r" }, revision: "1" },
  ),
  refused("SetReference", { key: "q", referencedKey: "r" }, "UNKNOWN", TO_REFERENCE),
  refused("SetReference", { key: "q", referencedKey: "r", atTx: 2, boundRef: true }, "UNKNOWN", TO_REFERENCE),
  refused("SetReference", { key: "t", referencedKey: "nope" }, "UNKNOWN", FINAL_KEY),
  refused("SetReference", { key: TOO_LONG, referencedKey: "t" }, "UNKNOWN", "max key length exceeded"),
  refused(
    "SetReference",
    { key: "q", referencedKey: "t", preconditions: [{}] },
    "UNKNOWN",
    "invalid precondition: null",
  ),
  // Its target is deleted and becomes a reference itself: the first one leads nowhere, for lists too.
  written("Delete", { keys: ["u"] }, 4),
  written("SetReference", { key: "u", referencedKey: "t" }, 5),
  refused("Get", { key: "r" }, "UNKNOWN", "a reference leads to a reference, which is not followed"),
  ok("GetAll", { keys: ["r", "t"] }, { entries: [{ tx: "1", key: "t", value: "1", revision: "1" }] }),
  ok("Scan", { prefix: "r" }, {}),
  written("Delete", { keys: ["u"] }, 6),
  notFound("Get", { key: "r" }),
  // Deleting a reference leaves its target.
  written("SetReference", { key: "r", referencedKey: "t" }, 7),
  written("Delete", { keys: ["r"] }, 8),
  notFound("Get", { key: "r" }),
  ok("Get", { key: "t" }, { tx: "1", key: "t", value: "1", revision: "1" }),
  ok(
    "History",
    { key: "r", offset: 2 },
    {
      entries: [
        { tx: "7", key: "r", value: "hex:00000000000000000074", revision: "3" },
        { tx: "8", key: "r", metadata: { deleted: true }, revision: "4" },
      ],
    },
  ),
]);

const entry = { tx: "1", key: "k", value: "1", revision: "1" };
const bound = { tx: "1", key: "k", value: "1" };
const one = { set: "z", key: "k", entry, score: 1 };
const oneOfL = { set: "z", key: "l", entry: { tx: "1", key: "l", value: "2", revision: "1" }, score: 1 };
const boundMinusOne = { set: "z", key: "k", entry: bound, score: -1, atTx: "1" };
const minusTwo = { set: "z", key: "k", entry, score: -2 };
const two = { set: "z", key: "k", entry, score: 2 };

const zScan = (req: JsonObject, ...entries: readonly JsonObject[]) =>
  ok("ZScan", { set: "z", ...req }, entries.length === 0 ? {} : { entries });

const sortedSets = ownCase("a walk over a sorted set: bounds, positions, directions, paging", [
  setOf(1, { key: "k", value: "1" }, { key: "l", value: "2" }),
  written("ZAdd", { set: "z", score: 1, key: "l" }, 2),
  written("ZAdd", { set: "z", score: 1, key: "k" }, 3),
  written("ZAdd", { set: "z", score: -2, key: "k" }, 4),
  written("ZAdd", { set: "z", score: -1, key: "k", atTx: 1, boundRef: true }, 5),
  written("ZAdd", { set: "z", score: 2, key: "k", noWait: true }, 6),
  written("ZAdd", { set: "za", score: 9, key: "k" }, 7),
  zScan({}, one, oneOfL, two, boundMinusOne, minusTwo),
  zScan({ offset: 1, limit: 2 }, oneOfL, two),
  zScan({ offset: 5 }),
  zScan({ limit: 1, noWait: true, sinceTx: 7 }, one),
  zScan({ minScore: { score: 1 }, maxScore: { score: 1 } }, one, oneOfL),
  zScan({ minScore: { score: -1 } }, one, oneOfL, two, boundMinusOne),
  zScan({ maxScore: { score: -1 } }, boundMinusOne, minusTwo),
  zScan({ minScore: {} }, one, oneOfL, two),
  zScan({ minScore: { score: 3 }, maxScore: { score: 2 } }),
  zScan({ seekKey: "k", seekScore: 1, maxScore: { score: 1 } }, oneOfL, boundMinusOne, minusTwo),
  zScan({ seekKey: "k", seekScore: -1, seekAtTx: 1 }, minusTwo),
  zScan({ seekKey: "k", seekScore: -1, seekAtTx: 1, inclusiveSeek: true }, boundMinusOne, minusTwo),
  // Backwards: from the greatest score of 0 and above, or below a given one, or from a position.
  zScan({ desc: true }, two, oneOfL, one),
  zScan({ desc: true, offset: 1, limit: 1 }, oneOfL),
  zScan({ desc: true, minScore: { score: -5 } }, two, oneOfL, one),
  zScan({ desc: true, maxScore: { score: 2 } }, oneOfL, one),
  zScan({ desc: true, maxScore: { score: 1 } }),
  zScan({ desc: true, minScore: { score: 1 }, maxScore: { score: 1.5 } }, oneOfL, one),
  zScan({ desc: true, seekKey: "l", seekScore: 1 }, one),
  zScan({ desc: true, seekKey: "l", seekScore: 1, inclusiveSeek: true }, oneOfL, one),
  zScan({ desc: true, seekKey: "k", seekScore: -1, seekAtTx: 1 }, two, oneOfL, one),
  zScan({ desc: true, seekKey: "k", seekScore: -2, inclusiveSeek: true, limit: 3 }, minusTwo, boundMinusOne, two),
  tooManyRows("ZScan", { set: "z", limit: 2501, desc: true }, "2501"),
  illegal("ZScan", { set: "z", sinceTx: 8 }),
  illegal("ZScan", { limit: 1 }),
  // What a member leads to may go: it is passed over, and counts neither for offset nor for limit.
  written("Delete", { keys: ["l"] }, 8),
  zScan({ offset: 1, limit: 1 }, two),
  notFound("ZAdd", { set: "z", score: 1, key: "k", atTx: 2, boundRef: true }),
  refused("ZAdd", { set: "z".repeat(1024), score: 1, key: "k" }, "UNKNOWN", "max key length exceeded"),
]);

const batch = (...Operations: readonly JsonObject[]): JsonObject => ({ Operations });
const duplicate = (name: string): string =>
  "rpc error: code = InvalidArgument desc = duplicated keys are not supported in single batch transaction: " +
  `key/reference '${name}'`;

const batches = ownCase("a batch: its steps lead to one another, and one wrong step refuses all", [
  setOf(1, { key: "k", value: "1" }, { key: "x", value: "e", metadata: EXPIRED }),
  illegal("ExecAll", batch({ kv: {} })),
  illegal("ExecAll", batch({ ref: { key: "r" } })),
  illegal("ExecAll", batch({ ref: { referencedKey: "k" } })),
  illegal("ExecAll", batch({ zAdd: { set: "s" } })),
  illegal("ExecAll", batch({ zAdd: { key: "k" } })),
  illegal("ExecAll", batch({ ref: { key: "r", referencedKey: "k", atTx: 1 } })),
  illegal("ExecAll", batch({ zAdd: { set: "s", key: "k", atTx: 1 } })),
  refused("ExecAll", batch({ kv: { key: "w" } }, {}), "INVALID_ARGUMENT", "operation is not set"),
  refused("ExecAll", batch({ ref: { key: "k", referencedKey: "k" } }), "UNKNOWN", FINAL_KEY),
  refused(
    "ExecAll",
    batch({ ref: { key: "r", referencedKey: "k", atTx: 77, boundRef: true } }),
    "UNKNOWN",
    "tx not found",
  ),
  refused("ExecAll", batch({ zAdd: { set: "s", key: "k", atTx: 77, boundRef: true } }), "UNKNOWN", "tx not found"),
  refused(
    "ExecAll",
    batch({ kv: { key: "a" } }, { ref: { key: "a", referencedKey: "k" } }),
    "INVALID_ARGUMENT",
    duplicate("a"),
  ),
  refused(
    "ExecAll",
    batch({ ref: { key: "r", referencedKey: "k" } }, { ref: { key: "q", referencedKey: "r" } }),
    "UNKNOWN",
    TO_REFERENCE,
  ),
  refused(
    "ExecAll",
    batch({ ref: { key: "r", referencedKey: "k" } }, { zAdd: { set: "s", key: "r" } }),
    "UNKNOWN",
    TO_REFERENCE,
  ),
  refused("ExecAll", { ...batch({ kv: { key: "w" } }), preconditions: [{}] }, "UNKNOWN", "invalid precondition: null"),
  refused(
    "ExecAll",
    batch(...Array.from({ length: 1025 }, (_, i) => ({ kv: { key: `n${i}` } }))),
    "UNKNOWN",
    "max number of entries per tx exceeded",
  ),
  ok(
    "CurrentState",
    {},
    {
      db: "$" + "{DB}",
      txId: "1",
      txHash: { $any: "bytes" },
      precommittedTxId: "1",
      precommittedTxHash: { $any: "bytes" },
    },
  ),
  // One member bound to the batch, one that follows: two members.
  written(
    "ExecAll",
    batch(
      { zAdd: { set: "s", score: 1, key: "m" } },
      { zAdd: { set: "s", score: 1, key: "m", boundRef: true } },
      { zAdd: { set: "s", score: 1, key: "k", atTx: 1, boundRef: true } },
      { ref: { key: "rm", referencedKey: "m" } },
      { kv: { key: "m", value: "7" } },
    ),
    2,
    5,
  ),
  ok(
    "ZScan",
    { set: "s" },
    {
      entries: [
        { set: "s", key: "k", entry: { tx: "1", key: "k", value: "1" }, score: 1, atTx: "1" },
        { set: "s", key: "m", entry: { tx: "2", key: "m", value: "7", revision: "1" }, score: 1 },
        { set: "s", key: "m", entry: { tx: "2", key: "m", value: "7" }, score: 1, atTx: "2" },
      ],
    },
  ),
  ok(
    "Get",
    { key: "rm" },
    { tx: "2", key: "m", value: "7", referencedBy: { tx: "2", key: "rm", revision: "1" }, revision: "1" },
  ),
  written(
    "ExecAll",
    {
      ...batch({ kv: { key: "w", value: "1" } }, { ref: { key: "rw", referencedKey: "w", boundRef: true } }),
      noWait: true,
      preconditions: [{ keyMustNotExist: { key: "w" } }, { keyNotModifiedAfterTX: { key: "k", txID: 1 } }],
    },
    3,
    2,
  ),
]);

export const LINK_CASES: readonly Case[] = [references, sortedSets, batches];
