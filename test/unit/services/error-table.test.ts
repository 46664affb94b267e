import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { AuthError } from "../../../src/auth/errors.ts";
import type { Logger } from "../../../src/base/observe.ts";
import { DatabaseError } from "../../../src/database/errors.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import { failureOf } from "../../../src/services/error-table.ts";
import { ServiceError } from "../../../src/services/errors.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { WireError } from "../../../src/wire/errors.ts";

interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function answered(error: unknown) {
  const logged: LogLine[] = [];
  const unexpected = () => assert.fail("logged below the level of errors");
  const logger: Logger = {
    debug: unexpected,
    info: unexpected,
    warn: unexpected,
    error: (fields, message) => logged.push({ fields, message }),
  };
  const failure = failureOf(error, "/immudb.schema.ImmuService/Get", logger);
  return { answer: { code: failure.code, text: failure.message, info: failure.info }, logged };
}

describe("the error table", () => {
  // The texts and codes on which existing clients match (wire contract).
  for (const [error, code, text, info] of [
    [new StoreError("key_not_found", "x"), 2, "tbtree: key not found", undefined],
    [new StoreError("key_expired", "x"), 2, "tbtree: key not found: expired entry", undefined],
    [new StoreError("tx_not_found", "x"), 2, "tx not found", undefined],
    [new StoreError("revision_not_found", "x"), 2, "invalid key revision number", undefined],
    [new StoreError("key_too_long", "x"), 2, "max key length exceeded", undefined],
    [new StoreError("empty_key", "x"), 3, "illegal arguments", undefined],
    [
      new StoreError("precondition_failed", "x", { precondition: "KeyMustExist" }),
      9,
      "precondition failed: KeyMustExist",
      "23000",
    ],
    [
      new StoreError("precondition_invalid", "x", { reason: "null_key" }),
      2,
      "invalid precondition: null key",
      undefined,
    ],
    [new DatabaseError("illegal_state", "x"), 3, "illegal state", undefined],
    [new DatabaseError("database_not_found", "x"), 2, "database does not exist", undefined],
    [new DatabaseError("database_not_found_named", "x", { name: "n" }), 5, "'n' does not exist", "3F000"],
    [new DatabaseError("database_reserved", "x"), 13, "database is reserved", "XX000"],
    [
      new DatabaseError("result_limit", "x", { limit: 2501, max: 2500 }),
      2,
      "result size limit exceeded: the specified limit (2501) is larger than the maximum allowed one (2500)",
      undefined,
    ],
    [
      new DatabaseError("prove_since_future", "x", { latest: 2n, since: 99n }),
      2,
      "illegal state: latest txID=2 is lower than specified as initial tx=99",
      undefined,
    ],
    [new AuthError("invalid_credentials", "x"), 2, "invalid user name or password", "08004"],
    [new AuthError("not_logged_in", "x"), 2, "not logged in", "28000"],
    [new AuthError("session_not_found", "x"), 7, "session not found", "08001"],
    [new AuthError("token_malformed", "x"), 13, "invalid token", "XX000"],
    [new AuthError("token_expired", "x"), 2, "token has expired", undefined],
    [new AuthError("database_not_selected", "x"), 2, "please select a database first", undefined],
    [new AuthError("permission_denied", "x"), 13, "permission denied", "XX000"],
    [new AuthError("sessions_full", "x"), 13, "can not create new session: max sessions number reached", "XX000"],
    [new AuthError("operation_not_supported", "x"), 13, "operation not supported", "XX000"],
    [
      new ServiceError("unimplemented", "x", { method: "ZAdd" }),
      12,
      "ZAdd is not implemented by this server yet",
      undefined,
    ],
    [new WireError("field_unknown", "metadata has a field"), 3, "illegal arguments: metadata has a field", undefined],
  ] as const) {
    test(`answers ${error.name} ${error.code} with "${text}"`, () => {
      const { answer, logged } = answered(error);
      assert.deepEqual(answer, { code, text, info });
      assert.deepEqual(logged, []);
    });
  }

  test("names the limit and the setting when too much is waiting", () => {
    const { answer } = answered(new StoreError("overloaded", "x", { limit: 10, setting: "overlay-entries" }));
    assert.equal(answer.code, Code.ResourceExhausted);
    assert.match(answer.text, /10.*overlay-entries/);
  });

  test("passes on what was found damaged, by name, and logs it", () => {
    const message = "data is damaged: value of key 0061 in transaction 7 of database books is not what was written";
    const { answer, logged } = answered(new StoreError("damaged", message, { database: "books", txId: 7n }));
    assert.deepEqual(answer, { code: Code.DataLoss, text: message, info: undefined });
    assert.equal(logged.length, 1);
    assert.equal(logged[0]?.fields["database"], "books");
  });

  test("treats a proof of our own that fails as damage, and logs which check it was", () => {
    const { answer, logged } = answered(new ProofError("record_malformed", "the record ends early", { at: 3 }));
    assert.deepEqual(answer, { code: Code.DataLoss, text: "stored data does not prove itself", info: undefined });
    assert.equal(logged[0]?.fields["code"], "record_malformed");
  });

  test("tells nothing of an unexpected error but where to find it in the log", () => {
    const secret = new TypeError("password=hunter2");
    const { answer, logged } = answered(secret);
    assert.equal(answer.code, Code.Internal);
    assert.equal(answer.info, undefined);
    const traceId = /trace id ([0-9a-f-]{36})$/.exec(answer.text)?.[1];
    assert.ok(traceId);
    assert.doesNotMatch(answer.text, /hunter2|TypeError/);
    assert.equal(logged[0]?.fields["traceId"], traceId);
    assert.equal(logged[0]?.fields["err"], secret);
  });

  test("copes with something thrown that is no error", () => {
    assert.equal(answered(undefined).answer.code, Code.Internal);
    assert.equal(answered("text").answer.code, Code.Internal);
  });
});
