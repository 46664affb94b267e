import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex, utf8 } from "../../../src/base/bytes.ts";
import { TX_METADATA_EXTRA_LENGTH_MAX } from "../../../src/base/limits.ts";
import { decodeRequestMetadata, encodeRequestMetadata } from "../../../src/proof/request-metadata.ts";

describe("who wrote a transaction, in its metadata", () => {
  test("is a list of pairs, each with both lengths less one in front", () => {
    const extra = encodeRequestMetadata({ user: "al", ip: "::1" });
    assert.equal(toHex(extra ?? utf8("")), `0201${toHex(utf8("usral"))}0102${toHex(utf8("ip::1"))}`);
  });

  test("leaves out what is empty, and is nothing when both are", () => {
    assert.equal(toHex(encodeRequestMetadata({ user: "", ip: "1" }) ?? utf8("")), `0100${toHex(utf8("ip1"))}`);
    assert.equal(encodeRequestMetadata({ user: "", ip: "" }), undefined);
  });

  test("comes back as it went in, and always fits", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_]{0,63}$/);
    fc.assert(
      fc.property(name, fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("")), (user, ip) => {
        const extra = encodeRequestMetadata({ user, ip }) ?? new Uint8Array();
        assert.ok(extra.length <= TX_METADATA_EXTRA_LENGTH_MAX);
        assert.deepEqual(decodeRequestMetadata(extra), { user, ip });
      }),
    );
  });

  test("is read in any order, with keys that nobody knows", () => {
    const extra = fromHex(`0102${toHex(utf8("ip::1"))}0000${toHex(utf8("xy"))}0201${toHex(utf8("usral"))}`);
    assert.deepEqual(decodeRequestMetadata(extra), { user: "al", ip: "::1" });
  });

  test("is refused where it ends inside a pair", () => {
    const extra = encodeRequestMetadata({ user: "al", ip: "" }) ?? new Uint8Array();
    for (let end = 1; end < extra.length; end++) {
      assert.throws(() => decodeRequestMetadata(extra.subarray(0, end)), { code: "tx_metadata_malformed" });
    }
  });
});
