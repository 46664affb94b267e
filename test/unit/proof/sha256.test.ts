import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, describe, test } from "node:test";
import fc from "fast-check";
import { toHex, utf8 } from "../../../src/base/bytes.ts";
import { setSha256, sha256 } from "../../../src/proof/sha256.ts";
import { nodeHash } from "../../../src/proof/tree-hash.ts";

describe("SHA-256", () => {
  afterEach(() => setSha256());

  test("gives the digests of the standard's examples", () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(toHex(sha256(utf8("abc"))), abc);
    const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert.equal(toHex(sha256(utf8(""))), nothing);
  });

  test("agrees with the platform's own implementation", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        assert.equal(toHex(sha256(data)), createHash("sha256").update(data).digest("hex"));
      }),
    );
  });

  test("can be replaced for the whole program, and put back", () => {
    setSha256(() => new Uint8Array(32).fill(7));
    assert.deepEqual(nodeHash(new Uint8Array(32), new Uint8Array(32)), new Uint8Array(32).fill(7));
    setSha256();
    assert.notDeepEqual(nodeHash(new Uint8Array(32), new Uint8Array(32)), new Uint8Array(32).fill(7));
  });
});
