import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { TxEntrySchema, TxHeaderSchema, TxSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import type { TxEntry, TxHeader } from "../../../src/proof/model.ts";
import {
  decodeTxEntryRecord,
  decodeTxHeaderRecord,
  encodeTxEntryRecord,
  encodeTxEntryRecords,
  encodeTxHeaderRecord,
} from "../../../src/proof/record.ts";
import { txEntryToWire } from "../../../src/wire/entries.ts";
import { txHeaderToWire } from "../../../src/wire/tx-header.ts";
import { txEntries, txHeaders } from "./arbitraries.ts";
import { assertRefused } from "./refusals.ts";

const digest = new Uint8Array(32).fill(1);
const header: TxHeader = {
  id: 7n,
  prevAlh: digest,
  ts: 1_700_000_000n,
  version: 1,
  metadata: undefined,
  nentries: 3,
  eh: digest,
  blTxId: 6n,
  blRoot: digest,
};
const entry: TxEntry = { key: Uint8Array.of(0, 1), metadata: undefined, hValue: digest, vLen: 3, value: undefined };

describe("the record of a header", () => {
  test("has the bytes that the protobuf library writes, and reads back", () => {
    fc.assert(
      fc.property(txHeaders, fc.boolean(), (any, emptyMetadata) => {
        const record = encodeTxHeaderRecord(any, { emptyMetadata });
        assert.deepEqual(
          record,
          toBinary(TxHeaderSchema, create(TxHeaderSchema, txHeaderToWire(any, { emptyMetadata }))),
        );
        assert.deepEqual(decodeTxHeaderRecord(record), any);
      }),
    );
  });

  test("carries numbers of any size", () => {
    for (const bits of [0n, 7n, 31n, 48n, 49n, 53n, 62n, 63n]) {
      const id = 1n << bits;
      for (const sized of [
        { id, ts: -id },
        { id: 2n * id - 1n, ts: id - 1n },
      ]) {
        assert.deepEqual(decodeTxHeaderRecord(encodeTxHeaderRecord({ ...header, ...sized })), { ...header, ...sized });
      }
    }
  });

  test("is refused where the message could not carry the header", () => {
    const refuse = (change: Partial<TxHeader>): void =>
      assertRefused("record_malformed", () => encodeTxHeaderRecord({ ...header, ...change }));
    refuse({ nentries: 2 ** 31 });
    refuse({ metadata: { truncatedUptoTx: 0n, extra: undefined } });
    refuse({ metadata: { truncatedUptoTx: undefined, extra: new Uint8Array(0) } });
  });
});

describe("the record of an entry", () => {
  test("has the bytes that the protobuf library writes, and reads back", () => {
    fc.assert(
      fc.property(txEntries, (any) => {
        const record = encodeTxEntryRecord(any);
        assert.deepEqual(record, toBinary(TxEntrySchema, create(TxEntrySchema, txEntryToWire(any))));
        assert.deepEqual(decodeTxEntryRecord(record), any);
      }),
    );
  });

  test("stands in a transaction's message as it is written there", () => {
    fc.assert(
      fc.property(fc.array(txEntries, { maxLength: 4 }), (entries) => {
        const message = create(TxSchema, { entries: entries.map(txEntryToWire) });
        assert.deepEqual(Uint8Array.from(encodeTxEntryRecords(entries)), toBinary(TxSchema, message));
      }),
    );
  });

  test("does not tell an empty value from none, nor metadata without attributes", () => {
    const none = { deleted: false, expiresAt: undefined, nonIndexable: false };
    const record = encodeTxEntryRecord({ ...entry, metadata: none, value: new Uint8Array(0) });
    assert.deepEqual(decodeTxEntryRecord(record), entry);
  });

  test("is refused where the message could not carry the entry", () => {
    assertRefused("record_malformed", () => encodeTxEntryRecord({ ...entry, vLen: 2 ** 31 }));
  });
});

describe("damaged records", () => {
  const refuse = (hex: string): void => assertRefused("record_malformed", () => decodeTxEntryRecord(fromHex(hex)));
  const hash = `1220${toHex(digest)}`;

  test("are refused, or read as what would be written in just that way", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(txEntries, fc.nat(), fc.nat({ max: 255 })).map(([any, at, byte]) => {
        const record = encodeTxEntryRecord(any);
        record[at % record.length] = byte;
        return record;
      }),
    );
    fc.assert(
      fc.property(bytes, (record) => {
        let read: TxEntry;
        try {
          read = decodeTxEntryRecord(record);
        } catch (error) {
          assert.ok(error instanceof ProofError, `must be refused by name, was ${String(error)}`);
          return;
        }
        assert.deepEqual(decodeTxEntryRecord(encodeTxEntryRecord(read)), read);
      }),
      { numRuns: 2000 },
    );
  });

  test("are refused when cut short anywhere", () => {
    const metadata = { deleted: true, expiresAt: -1n, nonIndexable: true };
    const full = { ...entry, vLen: 2 ** 20, metadata, value: Uint8Array.of(0, 5) };
    const record = encodeTxEntryRecord(full);
    // Where a field ends, what is left is a whole record of less.
    const ends = [
      { ...entry, vLen: 0 },
      { ...entry, vLen: full.vLen },
      { ...entry, vLen: full.vLen, metadata },
    ].map((shorter) => encodeTxEntryRecord(shorter).length);
    for (let length = 0; length < record.length; length++) {
      if (ends.includes(length)) assert.ok(decodeTxEntryRecord(record.subarray(0, length)));
      else assert.throws(() => decodeTxEntryRecord(record.subarray(0, length)), { name: "ProofError" });
    }
  });

  test("are refused when a field is unknown, repeated, out of order or of another type", () => {
    refuse(`${hash}3001`);
    refuse(`${hash}${hash}`);
    refuse(`${hash}0a0100`);
    refuse(`${hash}1a0100`);
    assertRefused("record_malformed", () => decodeTxEntryRecord(concat(encodeTxEntryRecord(entry), fromHex("00"))));
  });

  test("are refused when a default value is written out or a number padded, too long or too big", () => {
    refuse(`${hash}1800`);
    refuse(`${hash}2a00`);
    refuse(`${hash}188100`);
    refuse(`${hash}18ffffffff08`);
    refuse(`${hash}18ffffffffffffffffff7f`);
    refuse(`${hash}1880808080808080808000`);
    refuse(`${hash}18ffffffffffffffffffff01`);
    refuse(`${hash}22020802`);
    assert.equal(decodeTxEntryRecord(fromHex(`${hash}2200`)).metadata, undefined);
    for (const id of ["00", "80808080808080808000", "ffffffffffffffffffff01", "ffffffffffffffffff7f"])
      assertRefused("record_malformed", () => decodeTxHeaderRecord(fromHex(`08${id}`)));
  });

  test("are refused when a digest is missing or of another length", () => {
    assertRefused("digest_malformed", () => decodeTxEntryRecord(fromHex("")));
    assertRefused("digest_malformed", () => decodeTxEntryRecord(fromHex("12020102")));
    assertRefused("digest_malformed", () => decodeTxHeaderRecord(fromHex("0801")));
  });
});
