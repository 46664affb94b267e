import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  HistoryRequestSchema,
  ScanRequestSchema,
  SetRequestSchema,
  VerifiableGetRequestSchema,
  VerifiableSetRequestSchema,
} from "../../../gen/immudb/schema/kv_pb.ts";
import { EntryTypeAction, TxRequestSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import {
  historyFromWire,
  scanFromWire,
  setFromWire,
  txFromRequest,
  verifiableGetFromWire,
  verifiableSetFromWire,
} from "../../../src/services/requests.ts";

const [key, value] = [utf8("k"), utf8("v")];

describe("requests from the wire", () => {
  test("a set keeps order, metadata and preconditions", () => {
    const message = create(SetRequestSchema, {
      KVs: [
        { key, value, metadata: { expiration: { expiresAt: 0n } } },
        { key: value, value: key },
      ],
      preconditions: [
        { precondition: { case: "keyMustExist", value: { key } } },
        { precondition: { case: "keyMustNotExist", value: { key } } },
        { precondition: { case: "keyNotModifiedAfterTX", value: { key, txID: 9n } } },
        {},
      ],
      noWait: true,
    });
    assert.deepEqual(setFromWire(message), {
      entries: [
        { key, value, metadata: { deleted: false, expiresAt: 0n, nonIndexable: false } },
        { key: value, value: key, metadata: undefined },
      ],
      preconditions: [
        { kind: "key_must_exist", key },
        { kind: "key_must_not_exist", key },
        { kind: "key_not_modified_after_tx", key, txId: 9n },
        { kind: "null" },
      ],
      noWait: true,
    });
  });

  test("counts beyond exact numbers are cut, negative limits pass", () => {
    const scan = scanFromWire(create(ScanRequestSchema, { offset: 2n ** 64n - 1n, limit: 2n ** 53n - 1n }));
    assert.deepEqual([scan.offset, scan.limit], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    assert.equal(historyFromWire(create(HistoryRequestSchema, { limit: -1 })).limit, -1);
  });

  test("a specification of entries names the kinds it has and leaves the others out", () => {
    const spec = (entriesSpec?: object) =>
      txFromRequest(create(TxRequestSchema, { tx: 1n, ...(entriesSpec && { entriesSpec }) })).entriesSpec;
    assert.equal(spec(), undefined);
    assert.deepEqual(spec({}), { kv: undefined, z: undefined, sql: undefined });
    assert.deepEqual(
      spec({
        kvEntriesSpec: { action: EntryTypeAction.RESOLVE },
        zEntriesSpec: {},
        sqlEntriesSpec: { action: EntryTypeAction.RAW_VALUE },
      }),
      { kv: "resolve", z: "exclude", sql: "raw_value" },
    );
    assert.deepEqual(spec({ kvEntriesSpec: { action: EntryTypeAction.ONLY_DIGEST } })?.kv, "only_digest");
    assert.throws(() => spec({ kvEntriesSpec: { action: 9 } }), { code: "illegal_arguments" });
  });

  test("a verified request without the inner one is refused, each in its own words", () => {
    assert.throws(() => verifiableSetFromWire(create(VerifiableSetRequestSchema)), { code: "illegal_arguments" });
    assert.throws(() => verifiableGetFromWire(create(VerifiableGetRequestSchema)), { code: "empty_request" });
  });
});
