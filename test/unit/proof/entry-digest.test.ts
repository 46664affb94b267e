import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../../src/base/bytes.ts";
import { checkEntryVersion, entryDigest } from "../../../src/proof/entry-digest.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { assertRefused } from "./refusals.ts";

const hValue = sha256(utf8("value"));
const key = utf8("key");
const deleted = { deleted: true, expiresAt: undefined, nonIndexable: false };

describe("the digest of an entry", () => {
  test("covers the metadata under version 1 and not under version 0, where a check refuses it", () => {
    const plain = { key, metadata: undefined, hValue };
    const marked = { key, metadata: deleted, hValue };
    assert.notDeepEqual(entryDigest(plain, 1), entryDigest(marked, 1));
    assert.deepEqual(entryDigest(plain, 0), entryDigest(marked, 0));
    checkEntryVersion(plain, 0);
    checkEntryVersion(marked, 1);
    assertRefused("metadata_unsupported", () => checkEntryVersion(marked, 0));
  });

  test("refuses an unknown version, a hash of another length, and a key beyond its length field", () => {
    assertRefused("version_unsupported", () => entryDigest({ key, metadata: undefined, hValue }, 2));
    assertRefused("digest_malformed", () => entryDigest({ key, metadata: undefined, hValue: hValue.subarray(1) }, 1));
    const long = new Uint8Array(0x10000);
    assertRefused("store_key_malformed", () => entryDigest({ key: long, metadata: undefined, hValue }, 1));
  });
});
