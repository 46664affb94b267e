import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Answer, Call } from "./rpc-client.ts";
import { wrongWith } from "./rpc-judge.ts";

const SECONDS = 20;

test(`${SECONDS} seconds of calls of every method, right and wrong in every way, find nothing`, (t) => {
  const main = new URL("rpc-main.ts", import.meta.url).pathname;
  const args = [main, "--seed", "1", "--minutes", String(SECONDS / 60)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 180_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const [, served] = /methods that answered well: (\d+)/.exec(stdout) ?? [];
  const [, calls] = /: (\d+) calls, 0 findings/.exec(stdout) ?? [];
  // Few on a busy machine, but not none.
  assert.ok(Number(served) > 5 && Number(calls) > 40, stdout);
  t.diagnostic(stdout.trim().split("\n").at(-1) ?? "");
});

const CALL: Call = {
  method: ImmuService.method.get,
  protocol: "grpc",
  codec: "proto",
  isGet: false,
  http: 2,
  headers: {},
  messages: [],
  envelope: undefined,
  leavesAfterMs: undefined,
};
const answer = (code: number, text: string, hasDetails = false): Answer => ({
  http: 200,
  status: { code, text, hasDetails },
  messages: [],
  broken: undefined,
});

describe("the judge of an answer", () => {
  test("finds nothing wrong with success, with a refusal, and with what is recorded of the original", () => {
    assert.equal(wrongWith(CALL, answer(0, "")), undefined);
    assert.equal(wrongWith(CALL, answer(Code.Unknown, "tbtree: key not found")), undefined);
    assert.equal(wrongWith(CALL, answer(Code.Internal, "permission denied", true)), undefined);
    assert.equal(wrongWith(CALL, { ...answer(0, ""), http: 415, status: undefined }), undefined);
  });

  const wrong: Readonly<Record<string, Answer>> = {
    "an internal error": answer(Code.Internal, "internal error"),
    "damaged data": answer(Code.DataLoss, "data is damaged", true),
    "a code that nobody knows": answer(99, "text"),
    "a refusal without a word": answer(Code.Unknown, ""),
    "words of the machine": answer(Code.InvalidArgument, "Cannot read properties of undefined"),
    "no answer": { ...answer(0, ""), broken: "hung" },
    "an answer that breaks off": { ...answer(0, ""), status: undefined, broken: "cut" },
    "an answer without a status": { ...answer(0, ""), status: undefined },
  };
  for (const [what, given] of Object.entries(wrong)) {
    test(`finds ${what}`, () => assert.notEqual(wrongWith(CALL, given), undefined));
  }
});
