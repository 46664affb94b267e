// The pipeline without Connect, as a faster door calls it.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { KeyRequestSchema, SetRequestSchema } from "../../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { CallContext } from "../../src/services/call.ts";
import { CallFailure } from "../../src/services/error-table.ts";
import { allMethods } from "../../src/services/methods.ts";
import { identify, type ServedMethod, servedMethod } from "../../src/services/pipeline.ts";
import { serve } from "../../src/services/serve.ts";
import { Services } from "./support.ts";

describe("the pipeline", () => {
  let services: Services;
  let methods: ReadonlyMap<string, ServedMethod>;
  let sessionid: string;
  beforeEach(async () => {
    services = await Services.open();
    methods = new Map(allMethods(services.room, undefined).map((method) => [method.path, method]));
    sessionid = services.room.sessions.open({ name: "immudb", sysadmin: false }, "defaultdb").id;
  });
  afterEach(() => services[Symbol.asyncDispose]());

  /** A call that nobody may ask for a signal: making one is what a fast door saves. */
  const contextWith = (headers: Readonly<Record<string, string>>): CallContext => ({
    get signal(): AbortSignal {
      return assert.fail("the signal was made though nobody waits");
    },
    peer: "127.0.0.1",
    header: (name) => headers[name],
    caller: undefined,
    identifiedMs: 0,
    database: undefined,
  });
  const call = (method: ServedMethod | undefined, message: unknown, headers = { sessionid }) => {
    assert.ok(method);
    const ctx = contextWith(headers);
    ctx.caller = identify(method, ctx, services.room);
    return serve(method, message, ctx, services.room);
  };
  const methodNamed = (name: string) => methods.get(`/immudb.schema.ImmuService/${name}`);

  test("knows every method of the contract by its path", () => {
    const ofContract = [...methods.keys()].filter((path) => /^\/immudb\.(schema|model)\./.test(path));
    assert.equal(ofContract.length, 74 + 3 + 16);
  });

  test("answers a read in the same turn, without a promise and without a signal", async () => {
    const [key, value] = [utf8("k"), utf8("v")];
    await call(methodNamed("Set"), create(SetRequestSchema, { KVs: [{ key, value }] }));
    const answer = call(methodNamed("Get"), create(KeyRequestSchema, { key }));
    assert.ok(!(answer instanceof Promise));
    assert.partialDeepStrictEqual(answer, { key, value });
  });

  test("throws a read's failure in the same turn, ready to be answered in any protocol", () => {
    const missing = create(KeyRequestSchema, { key: utf8("zz") });
    assert.throws(
      () => call(methodNamed("Get"), missing),
      (error) =>
        error instanceof CallFailure && error.code === Code.Unknown && error.message === "tbtree: key not found",
    );
    assert.equal(services.calls.length, 1);
    assert.equal(services.calls[0]?.failure?.message, "tbtree: key not found");
  });

  test("turns whatever a handler throws or rejects with into a failure that gives nothing away", async () => {
    for (const handler of [
      () => {
        throw new TypeError("secret");
      },
      () => Promise.reject(new TypeError("secret")),
    ]) {
      const method = servedMethod(ImmuService.method.health, handler);
      await assert.rejects(
        async () => call(method, {}),
        (error) => error instanceof CallFailure && error.code === Code.Internal && !error.message.includes("secret"),
      );
    }
    assert.equal(services.calls.length, 2);
  });
});
