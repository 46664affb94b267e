import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EMPTY, fromHex, toHex } from "../../../src/base/bytes.ts";
import { KV_METADATA_LENGTH_MAX, TX_METADATA_LENGTH_MAX } from "../../../src/base/limits.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import { decodeKvMetadata, encodeKvMetadata } from "../../../src/proof/kv-metadata.ts";
import { decodeTxMetadata, encodeTxMetadata } from "../../../src/proof/tx-metadata.ts";
import { kvMetadatas, txMetadatas } from "./arbitraries.ts";
import { assertRefused } from "./refusals.ts";

describe("metadata of entries", () => {
  test("reads back as it was written, within its limit", () => {
    fc.assert(
      fc.property(kvMetadatas, (metadata) => {
        const bytes = encodeKvMetadata(metadata);
        assert.ok(bytes.length <= KV_METADATA_LENGTH_MAX);
        assert.deepEqual(decodeKvMetadata(bytes), metadata);
      }),
    );
  });

  test("without attributes is the same as none", () => {
    const none = { deleted: false, expiresAt: undefined, nonIndexable: false };
    assert.deepEqual(encodeKvMetadata(none), EMPTY);
    assert.equal(decodeKvMetadata(EMPTY), undefined);
  });

  test("reads repeated attributes in any order, and writes the canonical form", () => {
    assert.equal(toHex(encodeKvMetadata(decodeKvMetadata(fromHex("020002")))), "0002");
  });

  test("never reads anything but attributes: other bytes are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 14 }), (bytes) => decodesOrRefuses(() => decodeKvMetadata(bytes))),
    );
    assertRefused("kv_metadata_malformed", () => decodeKvMetadata(fromHex("03")));
    assertRefused("kv_metadata_malformed", () => decodeKvMetadata(fromHex("0100")));
    assertRefused("kv_metadata_malformed", () => decodeKvMetadata(new Uint8Array(12)));
  });
});

describe("metadata of transactions", () => {
  test("reads back as it was written, within its limit", () => {
    fc.assert(
      fc.property(txMetadatas, (metadata) => {
        const bytes = encodeTxMetadata(metadata);
        assert.ok(bytes.length <= TX_METADATA_LENGTH_MAX);
        assert.deepEqual(decodeTxMetadata(bytes), metadata);
      }),
    );
  });

  test("keeps an `extra` that is present but empty, so that a foreign header keeps its hash", () => {
    assert.equal(toHex(encodeTxMetadata(decodeTxMetadata(fromHex("010000")))), "010000");
  });

  test("never reads anything but attributes: other bytes are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => decodesOrRefuses(() => decodeTxMetadata(bytes))),
    );
    assertRefused("tx_metadata_malformed", () => decodeTxMetadata(new Uint8Array(269)));
    assertRefused("tx_metadata_malformed", () => decodeTxMetadata(fromHex("0100050a0b")));
    assertRefused("tx_metadata_malformed", () => decodeTxMetadata(fromHex("010101")));
  });

  test("refuses to write an `extra` beyond its limit", () => {
    const extra = new Uint8Array(257);
    assertRefused("tx_metadata_malformed", () => encodeTxMetadata({ truncatedUptoTx: undefined, extra }));
  });
});

function decodesOrRefuses(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof ProofError, `must be refused by name, was ${String(error)}`);
  }
}
