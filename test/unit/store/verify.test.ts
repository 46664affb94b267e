// Verification of rows: whole databases are found whole, with exact counts, and whatever is changed, missing or too much is
// found and named by the part of the store that it is in.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { compareBytes, concat, toHex, u32, u64, utf8, viewOf } from "../../../src/base/bytes.ts";
import { completedNodes, leafHash } from "../../../src/proof/history-tree.ts";
import { plainKey } from "../../../src/proof/keys.ts";
import { alh as computeAlh } from "../../../src/proof/tx-header.ts";
import {
  COMMITTED_ROW,
  decodeVersion,
  encodeTxIdRow,
  encodeVersion,
  encodeWatermark,
  entriesKey,
  FORMAT_ROW,
  historyKey,
  TRUNCATED_ROW,
  treeKey,
  txKey,
  valueKey,
  valuesKey,
  WATERMARK_ROW,
} from "../../../src/store/layout.ts";
import { decodeTxRecord, type TxRecord, writeTxRows } from "../../../src/store/records.ts";
import type { Findings } from "../../../src/store/verify-report.ts";
import { onDisk } from "./support.ts";
import { CopiedRows, changed, type Rows, type Written, writeEverything, writeSomething } from "./verify-support.ts";

let root: string;
let directory: string;
let written: Written;
let rows: CopiedRows;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "verify-"));
  directory = join(root, "everything");
  written = await writeEverything(directory);
  rows = await CopiedRows.of(directory);
});
after(() => rm(root, { recursive: true, force: true }));

const keyOf = (text: string): Uint8Array => plainKey(utf8(text));
const flip =
  (at: number) =>
  (bytes: Uint8Array): Uint8Array => {
    const i = at < 0 ? bytes.length + at : at;
    bytes[i] = (bytes[i] as number) ^ 0x40;
    return bytes;
  };
const gone = (): undefined => undefined;

/** "class transaction" of every finding, once. */
function named(findings: Findings): string[] {
  return [...new Set(findings.list.map((found) => `${found.class} ${found.txId ?? "-"}`))];
}

/** Where a text stands in a row. */
function placeOf(table: Rows, key: Uint8Array, what: Uint8Array): number {
  const at = Buffer.from(table.get(key) as Uint8Array).indexOf(what);
  assert.ok(at >= 0, "the row holds it");
  return at;
}

// Transactions of writeEverything, by what is special about them.
const TX = {
  version0: 2n,
  small: 3n,
  inside: 4n,
  parts: 5n,
  big: 6n,
  deleted: 7n,
  expires: 8n,
  many: 9n,
  listed: 10n,
  last: 11n,
};
const SEGMENTS = { first: 12n, second: 13n };

describe("a whole database", () => {
  test("is found whole, and everything in it is counted", async () => {
    const findings = await rows.verify();
    assert.deepEqual(findings.list, []);
    assert.deepEqual(findings.covered, { pages: 0, ...written });
    assert.deepEqual(findings.notCovered, ["the index of transactions 14 to 15: it is written behind the log"]);
    assert.equal(findings.end.txId, BigInt(written.transactions));
  });

  test("that is being written to is verified as far as it is committed", async () => {
    const findings = await rows.verify([], true);
    assert.deepEqual(findings.list, []);
    assert.deepEqual(findings.notCovered, []);
    assert.equal(findings.end.txId, BigInt(written.transactions - 2));
  });

  test("may be empty", async () => {
    const empty = join(root, "empty");
    await (await onDisk(empty)()).close();
    const findings = await (await CopiedRows.of(empty)).verify();
    assert.deepEqual([findings.list, findings.notCovered, findings.end.txId], [[], [], 0n]);
  });

  test("whose old values were truncated says how many it could not look at", async () => {
    const truncated = join(root, "truncated");
    const { values } = await writeEverything(truncated, false);
    const store = await onDisk(truncated)();
    await store.truncateBefore(SEGMENTS.second);
    await store.close();
    const copied = await CopiedRows.of(truncated);
    const findings = await copied.verify();
    assert.deepEqual(findings.list, []);
    assert.equal(findings.covered.values, 2);
    const left = `${values - 2} values of transactions before ${SEGMENTS.second}: they were truncated`;
    assert.deepEqual(findings.notCovered, [left]);
    const forgotten = await changed(copied.logMeta, TRUNCATED_ROW, gone, () => copied.verify());
    assert.ok(named(forgotten).includes(`value ${TX.big}`), "nothing says that it is truncated");
  });
});

test("values that are truncated while they are looked for are not called damaged", async () => {
  const copied = await CopiedRows.of(directory);
  let looked = 0;
  // The truncation is recorded and the segment is gone; an older snapshot does not know of it yet.
  const files = { read: () => undefined, close: () => undefined };
  const names = (): string[] => {
    looked++;
    return [];
  };
  const findings = await copied.verify([], true, { files, names }, () => {
    // The first time is when the walk begins.
    if (looked > 1) copied.logMeta.set(TRUNCATED_ROW, encodeTxIdRow(TRUNCATED_ROW, SEGMENTS.second));
  });
  assert.deepEqual(named(findings), [`value ${SEGMENTS.second}`]);
  assert.deepEqual(findings.notCovered, [`1 values of transactions before ${SEGMENTS.second}: they were truncated`]);
});

describe("one changed byte", () => {
  const found = async (table: Rows, key: Uint8Array, at: number, want: string[]): Promise<void> => {
    assert.deepEqual(named(await changed(table, key, flip(at), () => rows.verify())), want);
  };

  test("of a value is the value's, wherever it is kept", async () => {
    await found(rows.log, txKey(TX.small), -2, [`value ${TX.small}`]);
    await found(rows.log, valuesKey(TX.parts, 0), 100, [`value ${TX.parts}`]);
    await found(rows.log, valueKey(TX.parts, 2, 0), 100, [`value ${TX.parts}`]);
    await found(rows.log, valueKey(TX.big, 0, 1), 5, [`value ${TX.big}`]);
  });

  test("of a value in a segment is the value's", async () => {
    const values = join(directory, "values");
    const name = join(values, readdirSync(values)[0] as string);
    const whole = readFileSync(name);
    for (const [at, txId] of [
      [26, SEGMENTS.first],
      [whole.length - 3, SEGMENTS.second],
    ] as const) {
      writeFileSync(name, flip(at)(Uint8Array.from(whole)));
      assert.deepEqual(named(await rows.verify()), [`value ${txId}`]);
    }
    writeFileSync(name, flip(2)(Uint8Array.from(whole)));
    assert.deepEqual(named(await rows.verify()).slice(0, 1), ["segment -"]);
    rmSync(name);
    assert.deepEqual(named(await rows.verify()), [`value ${SEGMENTS.first}`, `value ${SEGMENTS.second}`]);
    writeFileSync(name, whole);
  });

  test("of an entry is the entry's", async () => {
    for (const [key, text, txId] of [
      [txKey(TX.inside), "inside 2", TX.inside],
      [txKey(TX.version0), "older", TX.version0],
      [entriesKey(TX.parts, 0), "part 9", TX.parts],
      [entriesKey(TX.many, 31), "many 999", TX.many],
    ] as const)
      await found(rows.log, key, placeOf(rows.log, key, utf8(text)), [`entry ${txId}`]);
  });

  test("of a node of the entries tree is the tree's, in a record or in a row", async () => {
    const { tree } = decodeTxRecord(rows.log.get(txKey(TX.listed)) as Uint8Array);
    assert.equal(tree.length, 2);
    const key = txKey(TX.listed);
    for (const node of tree) await found(rows.log, key, placeOf(rows.log, key, node), [`tree ${TX.listed}`]);
    for (const at of [0, 64 * 32 - 1, -1]) await found(rows.log, treeKey(TX.many, 1), at, [`tree ${TX.many}`]);
  });

  test("of a header, an Alh or a node of the history tree is told apart", async () => {
    const { header, alh, nodes } = decodeTxRecord(rows.log.get(txKey(TX.deleted + 1n)) as Uint8Array);
    const key = txKey(header.id);
    await found(rows.log, key, placeOf(rows.log, key, header.prevAlh) + 7, [`header ${header.id}`]);
    await found(rows.log, key, placeOf(rows.log, key, header.eh) + 7, [`header ${header.id}`]);
    await found(rows.log, key, placeOf(rows.log, key, alh) + 31, [`alh ${header.id}`]);
    for (const node of nodes) await found(rows.log, key, placeOf(rows.log, key, node), [`node ${header.id}`]);
  });

  test("of a row about the whole log is that row's", async () => {
    await found(rows.logMeta, FORMAT_ROW, 3, ["format -"]);
    await found(rows.logMeta, COMMITTED_ROW, 0, ["committed -"]);
  });

  test("of the index is that table's", async () => {
    const history = historyKey(keyOf("small"), 2n);
    for (let at = 0; at < (rows.history.get(history) as Uint8Array).length; at++)
      await found(rows.history, history, at, ["index_history -"]);
    for (const at of [0, 1, 2, 3, -1]) await found(rows.latest, keyOf("expires"), at, ["index_latest -"]);
    for (const at of [7, 8, 47, 55, -1]) await found(rows.indexMeta, WATERMARK_ROW, at, ["index_watermark -"]);
  });

  test("anywhere in a small database is found, and where it is no value, as no value", async () => {
    const small = join(root, "something");
    await writeSomething(small);
    const copied = await CopiedRows.of(small);
    assert.deepEqual((await copied.verify()).list, []);
    const expected = {
      log: /^(record|header|alh|node|entry|tree|value)$/,
      logMeta: /^format$/,
      latest: /^index_latest$/,
      history: /^index_history$/,
      indexMeta: /^index_watermark$/,
    };
    for (const name of ["log", "logMeta", "latest", "history", "indexMeta"] as const) {
      for (const { key, value } of [...copied[name].all()]) {
        for (let at = 0; at < value.length; at++) {
          const findings = await changed(copied[name], key, flip(at), () => copied.verify());
          const place = `${name} ${toHex(key)} byte ${at}`;
          assert.ok(findings.count > 0, place);
          for (const { class: kind } of findings.list) assert.match(kind, expected[name], place);
        }
      }
    }
  });
});

describe("a row that is missing", () => {
  const found = async (table: Rows, key: Uint8Array, want: string[]): Promise<void> => {
    assert.deepEqual(named(await changed(table, key, gone, () => rows.verify())), want);
  };

  test("of the log is named, and what comes after it is not called damaged", async () => {
    await found(rows.log, txKey(TX.small), [`transaction ${TX.small}`]);
    await found(rows.log, txKey(1n), ["transaction 1"]);
    await found(rows.log, entriesKey(TX.parts, 0), [`entry ${TX.parts}`]);
    await found(rows.log, treeKey(TX.many, 3), [`tree ${TX.many}`]);
    await found(rows.log, valuesKey(TX.many, 249), [`value ${TX.many}`]);
    await found(rows.log, valueKey(TX.big, 0, 1), [`value ${TX.big}`]);
    await found(rows.log, valueKey(TX.big, 0, 2), [`value ${TX.big}`]);
    await found(rows.logMeta, FORMAT_ROW, ["format -"]);
  });

  test("is one of many", async () => {
    const findings = await changed(rows.log, txKey(TX.small), gone, () =>
      changed(rows.log, txKey(TX.inside), gone, () => rows.verify()),
    );
    assert.deepEqual(named(findings), [`transaction ${TX.small}`]);
    assert.match(findings.list[0]?.what ?? "", /all up to 4/);
    assert.ok(findings.notCovered.includes(`the entries of transactions ${TX.small}-${TX.inside}: they are damaged`));
    assert.equal(
      findings.covered.treeNodes,
      14,
      "the history tree is taken up again where 8 transactions are complete",
    );
  });

  test("at the end is noticed by who knows of it", async () => {
    const end = await rows.verify();
    const known = [{ txId: end.end.txId, alh: end.end.alh }];
    assert.deepEqual((await rows.verify(known)).list, []);
    const findings = await changed(rows.log, txKey(end.end.txId), gone, () => rows.verify(known));
    assert.deepEqual(named(findings), [`state ${end.end.txId}`]);
  });

  test("of the index is named", async () => {
    await found(rows.latest, keyOf("expires"), ["index_watermark -", `index_latest ${TX.expires}`]);
    await found(
      rows.latest,
      keyOf("small"),
      ["index_history -", "index_watermark -"].concat(
        [TX.small, TX.deleted, TX.last, SEGMENTS.second].map((txId) => `index_latest ${txId}`),
      ),
    );
    await found(rows.history, historyKey(keyOf("small"), 2n), [
      "index_history -",
      "index_watermark -",
      `index_history ${TX.deleted}`,
    ]);
    await found(rows.indexMeta, WATERMARK_ROW, ["index_watermark -"]);
  });
});

describe("a row too many", () => {
  const found = async (table: Rows, key: Uint8Array, value: Uint8Array, want: string[]): Promise<void> => {
    table.set(key, value);
    const findings = await rows.verify().finally(() => table.remove(key));
    assert.deepEqual(named(findings), want);
  };

  test("in the log belongs to nothing", async () => {
    const part = rows.log.get(entriesKey(TX.parts, 0)) as Uint8Array;
    await found(rows.log, entriesKey(TX.parts, 1), part, [`row ${TX.parts}`]);
    await found(rows.log, treeKey(TX.many, 4), part, [`row ${TX.many}`]);
    await found(rows.log, valuesKey(TX.many, 250), part, [`row ${TX.many}`]);
    await found(rows.log, entriesKey(TX.small, 0), part, [`row ${TX.small}`]);
    await found(rows.log, valueKey(TX.big, 0, 3), utf8("more"), [`row ${TX.big}`]);
    await found(rows.log, valueKey(TX.big, 1, 0), utf8("more"), [`row ${TX.big}`]);
    await found(rows.log, concat(u64(TX.big), Uint8Array.of(5)), utf8("?"), [`row ${TX.big}`]);
    await found(rows.log, utf8("?"), utf8("?"), ["row -"]);
    await found(rows.log, entriesKey(16n, 0), part, ["row 16"]);
    await found(rows.log, u64(0n), utf8("?"), ["row 0"]);
    await found(rows.logMeta, utf8("other"), u32(1), ["row -"]);
  });

  test("in the index is named", async () => {
    const row = (key: Uint8Array, txId: bigint, revision: bigint): Uint8Array =>
      encodeVersion(key, { txId, entry: 0, revision, metadata: undefined });
    const other = keyOf("never written");
    const counted = "index_watermark -";
    await found(rows.latest, other, row(other, TX.small, 1n), [counted, `index_latest ${TX.small}`]);
    const beyond = historyKey(keyOf("small"), 9n);
    await found(rows.history, beyond, row(beyond, TX.small, 9n), ["index_history -"]);
    const unknown = historyKey(other, 1n);
    await found(rows.history, unknown, row(unknown, TX.small, 1n), ["index_history -"]);
    await found(rows.history, utf8("short"), row(other, TX.small, 1n), ["index_history -"]);
    const late = keyOf("too late");
    await found(rows.latest, late, row(late, 14n, 1n), ["index_latest 14"]);
  });
});

describe("what somebody changed with care, checksums and all,", () => {
  test("a value and its entry, is given away by the header", async () => {
    const record = decodeTxRecord(rows.log.get(txKey(TX.small)) as Uint8Array);
    const other = decodeTxRecord(rows.log.get(txKey(TX.last)) as Uint8Array);
    const forged = rewritten({ ...record, inside: other.inside });
    assert.deepEqual(
      named(
        await changed(
          rows.log,
          txKey(TX.small),
          () => forged,
          () => rows.verify(),
        ),
      ),
      [`entry ${TX.small}`],
    );
  });

  test("and the header with them, is given away by the transaction after it", async () => {
    const record = decodeTxRecord(rows.log.get(txKey(TX.small)) as Uint8Array);
    const header = { ...record.header, ts: record.header.ts + 1n };
    const alh = computeAlh(header);
    const nodes = completedNodes(Number(TX.small), leafHash(alh), () => {
      throw new Error("the third leaf completes itself alone");
    });
    const forged = rewritten({ ...record, header, alh, nodes });
    const findings = await changed(
      rows.log,
      txKey(TX.small),
      () => forged,
      () => rows.verify(),
    );
    assert.deepEqual(named(findings), [`chain ${TX.inside}`]);
    const known = [{ txId: TX.small, alh: record.alh }];
    const compared = await changed(
      rows.log,
      txKey(TX.small),
      () => forged,
      () => rows.verify(known),
    );
    assert.equal(named(compared)[0], `state ${TX.small}`);
  });

  test("a transaction in the place of another, is named", async () => {
    const last = rows.log.get(txKey(TX.last)) as Uint8Array;
    assert.deepEqual(
      named(
        await changed(
          rows.log,
          txKey(TX.small),
          () => last,
          () => rows.verify(),
        ),
      ),
      [`record ${TX.small}`],
    );
  });

  test("the index, is given away by the log", async () => {
    const key = keyOf("expires");
    const version = decodeVersion(key, rows.latest.get(key) as Uint8Array);
    for (const change of [{ txId: TX.small }, { entry: 1 }, { metadata: undefined }, { revision: 2n }]) {
      const forged = encodeVersion(key, { ...version, ...change });
      const findings = await changed(
        rows.latest,
        key,
        () => forged,
        () => rows.verify(),
      );
      assert.match(named(findings).join(), /index_(latest|history)/, JSON.stringify(Object.keys(change)));
    }
    const hidden = keyOf("hidden");
    rows.latest.set(hidden, encodeVersion(hidden, { ...version, entry: 1, metadata: undefined }));
    assert.ok(named(await rows.verify()).includes(`index_latest ${TX.expires}`), "it must not be indexed");
    rows.latest.remove(hidden);
  });

  test("two revisions exchanged, are out of order", async () => {
    const [one, two] = [1n, 2n].map((revision) => historyKey(keyOf("small"), revision)) as [Uint8Array, Uint8Array];
    const [first, second] = [one, two].map((key) => decodeVersion(key, rows.history.get(key) as Uint8Array));
    const exchanged = (key: Uint8Array, version = first, revision = 0n) =>
      encodeVersion(key, { ...version, revision } as never);
    const findings = await changed(
      rows.history,
      one,
      () => exchanged(one, second, 1n),
      () =>
        changed(
          rows.history,
          two,
          () => exchanged(two, first, 2n),
          () => rows.verify(),
        ),
    );
    assert.deepEqual(named(findings), [`index_history ${TX.small}`]);
  });

  test("the watermark, is given away by the log and by the rows", async () => {
    const watermark = { txId: 12n, alh: new Uint8Array(32), latestRows: 1033n, historyRows: 5n };
    const forge = (change: Partial<typeof watermark>) => () => encodeWatermark({ ...watermark, ...change });
    const verify = () => rows.verify();
    assert.deepEqual(named(await changed(rows.indexMeta, WATERMARK_ROW, forge({}), verify)), ["index_watermark 12"]);
    assert.deepEqual(named(await changed(rows.indexMeta, WATERMARK_ROW, forge({ txId: 99n }), verify)), [
      "index_watermark -",
    ]);
  });
});

test("findings are listed up to a bound and counted beyond it", async () => {
  const copied = await CopiedRows.of(directory);
  for (const { key } of [...copied.latest.all()]) copied.latest.set(key, utf8("?"));
  const findings = await copied.verify();
  assert.equal(findings.list.length, 100);
  assert.ok(findings.count >= written.latestRows);
});

/** The record of a transaction whose entries are in it, with checksums that hold. */
function rewritten({ header, alh, nodes, tree, inside }: TxRecord): Uint8Array {
  const stored = inside?.all() ?? [];
  const values = stored.map(({ at }) => (at.place === "here" ? at.value : new Uint8Array(0)));
  let record: Uint8Array | undefined;
  const entries = stored.map(({ entry }) => entry);
  writeTxRows({ header, alh, nodes, tree, entries, values, withheld: false }, undefined, (key, value) => {
    if (compareBytes(key, txKey(header.id)) === 0) record = value;
  });
  assert.ok(record !== undefined && viewOf(record).getUint8(0) === 1, "entries are inside");
  return record;
}
