import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concat, fromHex, u32 } from "../../../src/base/bytes.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import {
  decodeExportedTx,
  encodeExportedTx,
  exportedTxLength,
  type TxToExport,
} from "../../../src/proof/exported-tx.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { encodeTxHeader } from "../../../src/proof/tx-header.ts";
import { kvMetadatas, shortBytes, txHeaders } from "./arbitraries.ts";
import { assertRefused } from "./refusals.ts";

const contents = fc.array(
  fc.record({ key: fc.uint8Array({ minLength: 1, maxLength: 40 }), value: shortBytes, metadata: kvMetadatas }),
  { minLength: 1, maxLength: 6 },
);

const exports = fc
  .record({ header: txHeaders, content: contents, truncated: fc.boolean() })
  .map(({ header, content, truncated }): TxToExport => {
    return {
      header: { ...header, nentries: content.length },
      entries: content.map(({ key, value, metadata }) => ({
        key,
        metadata,
        hValue: sha256(value),
        vLen: value.length,
      })),
      truncated,
      storeValue: (index) => [(content[index] as (typeof content)[number]).value],
    };
  });

function blobOf(tx: TxToExport): Uint8Array {
  return concat(...encodeExportedTx(tx));
}

const ONE: TxToExport = {
  header: {
    id: 1n,
    prevAlh: sha256(fromHex("")),
    ts: 1_700_000_000n,
    version: 1,
    metadata: undefined,
    nentries: 1,
    eh: sha256(fromHex("01")),
    blTxId: 0n,
    blRoot: new Uint8Array(32),
  },
  entries: [{ key: fromHex("0061"), metadata: undefined, hValue: sha256(fromHex("0062")), vLen: 2 }],
  truncated: false,
  storeValue: () => [fromHex("00"), fromHex("62")],
};

describe("an exported transaction", () => {
  test("reads back as it was written, with its values or without them, and is as long as was said", () => {
    fc.assert(
      fc.property(exports, (tx) => {
        const blob = blobOf(tx);
        assert.equal(blob.length, exportedTxLength(tx));
        const decoded = decodeExportedTx(blob);
        assert.deepEqual(decoded.header, tx.header);
        assert.equal(decoded.truncated, tx.truncated);
        const entries = tx.entries.map(({ key, metadata, hValue }, index) => {
          return { key, metadata, hValue, value: tx.truncated ? undefined : concat(...tx.storeValue(index)) };
        });
        assert.deepEqual(decoded.entries, entries);
      }),
    );
  });

  test("cut short anywhere, or with anything behind it, is refused", () => {
    fc.assert(
      fc.property(exports, fc.nat(), (tx, at) => {
        const blob = blobOf(tx);
        const end = at % blob.length;
        // Old exporters end after the last entry.
        if (end !== blob.length - 3) assert.throws(() => decodeExportedTx(blob.subarray(0, end)), ProofError);
        else if (!tx.truncated) assert.deepEqual(decodeExportedTx(blob.subarray(0, end)), decodeExportedTx(blob));
        assertRefused("exported_tx_malformed", () => decodeExportedTx(concat(blob, fromHex("00"))));
      }),
    );
  });

  test("with any bit changed is refused or says something else", () => {
    fc.assert(
      fc.property(exports, fc.nat(), (tx, at) => {
        const blob = blobOf(tx);
        const bit = at % (blob.length * 8);
        const changed = blob.slice();
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        try {
          assert.notDeepEqual(decodeExportedTx(changed), decodeExportedTx(blob));
        } catch (error) {
          assert.ok(error instanceof ProofError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("is refused by the part that has no meaning", () => {
    const blob = blobOf(ONE);
    const body = blob.subarray(0, -3);
    const refuse = (code: Parameters<typeof assertRefused>[0], bytes: Uint8Array): void =>
      assertRefused(code, () => decodeExportedTx(bytes));
    refuse("exported_tx_malformed", fromHex(""));
    refuse("exported_tx_malformed", concat(body, fromHex("000102")));
    refuse("exported_tx_malformed", concat(body, fromHex("000001")));
    refuse("exported_tx_malformed", concat(body, fromHex("000200")));
    refuse("exported_tx_malformed", concat(body, fromHex("0001")));
    refuse("exported_tx_malformed", concat(body, fromHex("000101")));
    refuse("tx_header_malformed", concat(u32(123), blob.subarray(4)));
    const header = encodeTxHeader(ONE.header);
    const head = concat(u32(header.length), header);
    refuse("exported_tx_malformed", concat(head, fromHex("0000000000000000000100")));
    refuse("kv_metadata_malformed", concat(head, fromHex("0002006100010900000002"), fromHex("0062000100")));
    // The attributes in another order: the bytes that were hashed cannot be written again.
    refuse("exported_tx_malformed", concat(head, fromHex("00020061000202000000000200620001"), fromHex("00")));
  });

  test("whose header says its metadata in another order is refused: nothing here could write it again", () => {
    const metadata = { truncatedUptoTx: 7n, extra: fromHex("aa") };
    const header = encodeTxHeader({ ...ONE.header, metadata });
    const swapped = concat(
      header.subarray(0, 52),
      header.subarray(61, 65),
      header.subarray(52, 61),
      header.subarray(65),
    );
    const rest = blobOf(ONE).subarray(4 + encodeTxHeader(ONE.header).length);
    decodeExportedTx(concat(u32(header.length), header, rest));
    assertRefused("exported_tx_malformed", () => decodeExportedTx(concat(u32(swapped.length), swapped, rest)));
  });

  test("reads no value that nobody comes to", () => {
    const unread = { ...ONE, storeValue: () => assert.fail("nobody wanted it") };
    for (const head of encodeExportedTx(unread)) {
      assert.equal(head.length, 4 + encodeTxHeader(ONE.header).length);
      break;
    }
  });

  test("is not written when it could not be read", () => {
    const key = new Uint8Array(0x1_0000);
    const [entry] = ONE.entries as [TxToExport["entries"][number]];
    assertRefused("store_key_malformed", () => blobOf({ ...ONE, entries: [{ ...entry, key }] }));
    assert.throws(() => blobOf({ ...ONE, storeValue: () => [fromHex("00")] }), { name: "AssertionError" });
  });
});
