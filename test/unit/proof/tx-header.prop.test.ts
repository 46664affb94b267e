import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import type { TxHeader } from "../../../src/proof/model.ts";
import {
  advance,
  alh,
  checkTxHeader,
  decodeTxHeader,
  encodeTxHeader,
  innerHash,
} from "../../../src/proof/tx-header.ts";
import { digests, txHeaders } from "./arbitraries.ts";
import { assertRefused } from "./refusals.ts";

const digest = new Uint8Array(32).fill(1);
const sample: TxHeader = {
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

describe("a transaction header", () => {
  test("reads back as it was written", () => {
    fc.assert(
      fc.property(txHeaders, (header) => {
        assert.deepEqual(decodeTxHeader(encodeTxHeader(header)), header);
      }),
    );
  });

  test("with any bit changed is refused or hashes differently", () => {
    fc.assert(
      fc.property(txHeaders, fc.nat(), (header, at) => {
        const bytes = encodeTxHeader(header);
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        let changed: TxHeader;
        try {
          changed = decodeTxHeader(bytes);
        } catch (error) {
          assert.ok(error instanceof ProofError);
          return;
        }
        assert.notDeepEqual(alh(changed), alh(header));
      }),
      { numRuns: 1000 },
    );
  });

  test("links to the alh before it", () => {
    fc.assert(
      fc.property(txHeaders, (header) => {
        assert.deepEqual(alh(header), advance(header.prevAlh, header.id, innerHash(header)));
      }),
    );
  });

  test("is not hashed when its hash would not cover all that it says", () => {
    const refuse = (code: Parameters<typeof assertRefused>[0], change: Partial<TxHeader>): void =>
      assertRefused(code, () => alh({ ...sample, ...change }));
    refuse("version_unsupported", { version: 2 });
    refuse("version_unsupported", { version: -1 });
    refuse("tx_header_malformed", { nentries: -1 });
    refuse("tx_header_malformed", { nentries: 2 ** 32 });
    refuse("tx_header_malformed", { nentries: 0.5 });
    refuse("tx_header_malformed", { version: 0, nentries: 2 ** 16 });
    refuse("metadata_unsupported", { version: 0, metadata: { truncatedUptoTx: 1n, extra: undefined } });
    refuse("digest_malformed", { prevAlh: digest.subarray(1) });
    refuse("digest_malformed", { eh: concat(digest, fromHex("00")) });
    refuse("digest_malformed", { blRoot: fromHex("") });
    checkTxHeader({ ...sample, version: 0, metadata: { truncatedUptoTx: undefined, extra: undefined } });
  });

  test("is refused in bytes when no transaction can have it", () => {
    const refuse = (code: Parameters<typeof assertRefused>[0], bytes: Uint8Array): void =>
      assertRefused(code, () => decodeTxHeader(bytes));
    refuse("tx_header_malformed", encodeTxHeader({ ...sample, id: 0n, blTxId: 0n }));
    refuse("tx_header_malformed", encodeTxHeader({ ...sample, blTxId: 7n }));
    refuse("tx_header_malformed", encodeTxHeader({ ...sample, nentries: 0 }));
    refuse("tx_header_malformed", encodeTxHeader(sample).subarray(0, 123));
    refuse("tx_header_malformed", concat(encodeTxHeader(sample), fromHex("00")));
    const bytes = encodeTxHeader(sample);
    refuse("version_unsupported", fromHex(`${toHex(bytes.subarray(0, 48))}0002${toHex(bytes.subarray(50))}`));
    refuse("tx_header_malformed", fromHex(`${toHex(bytes.subarray(0, 50))}010d${toHex(bytes.subarray(52))}`));
    refuse("tx_header_malformed", fromHex(`${toHex(bytes.subarray(0, 50))}0100${toHex(bytes.subarray(52))}`));
  });

  test("steps along the chain only with digests of full length", () => {
    fc.assert(
      fc.property(digests, (full) => {
        assertRefused("digest_malformed", () => advance(full.subarray(1), 1n, full));
        assertRefused("digest_malformed", () => advance(full, 1n, full.subarray(1)));
      }),
      { numRuns: 3 },
    );
  });
});
