// The access rules of the schema against access.tsv, our policy, and the function that reads them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import {
  clone,
  create,
  createFileRegistry,
  type DescFile,
  type DescMethod,
  type MessageInitShape,
  setExtension,
  type UnknownEnum,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { Access, Credential, RuleSchema, rule } from "../../gen/immudb/access/v1/access_pb.ts";
import { file_immudb_schema_service } from "../../gen/immudb/schema/service_pb.ts";
import { AssertionError } from "../../src/base/assert.ts";
import { accessOf } from "../../src/services/access.ts";
import { generatedMethods } from "./wire-schema.ts";

const [header, ...policy] = readFileSync(new URL("access.tsv", import.meta.url), "utf8")
  .trim()
  .split("\n");

/** The line of access.tsv that a method's rule amounts to. */
function policyLine(method: DescMethod): string {
  const { access, credential, target } = accessOf(method);
  const place = target.kind === "field" ? `field:${target.field}` : target.kind;
  return [method.parent.name, method.name, access, credential, place].join("\t");
}

describe("the access rules", () => {
  let methods: DescMethod[];
  before(async () => {
    methods = await generatedMethods();
  });

  test("are declared by every method of every service", () => {
    assert.equal(methods.length, 74 + 3 + 16 + 1);
    for (const method of methods) assert.doesNotThrow(() => accessOf(method));
  });

  test("are those of the policy, line by line", () => {
    assert.equal(header, "service\tmethod\taccess\tcredential\ttarget");
    assert.deepEqual(methods.map(policyLine).sort(), policy.sort());
  });
});

describe("accessOf", () => {
  test("reads a rule once and answers the same object again", () => {
    const method = methodOf(file_immudb_schema_service, "Login");
    assert.equal(accessOf(method), accessOf(method));
    assert.deepEqual(accessOf(method), { access: "public", credential: "none", target: { kind: "none" } });
  });

  test("answers the request field that names the target", () => {
    const access = accessOf(
      useDatabase({
        access: Access.SESSION,
        credential: Credential.ANY,
        target: { case: "field", value: "databaseName" },
      }),
    );
    assert.deepEqual(access, {
      access: "session",
      credential: "any",
      target: { kind: "field", field: "databaseName" },
    });
  });

  test("refuses a method without a rule", () => {
    assert.throws(() => accessOf(useDatabase(undefined)), refusal(/UseDatabase has no access rule/));
  });

  test("refuses a rule that leaves a question open", () => {
    const none = { case: "none", value: {} } as const;
    assert.throws(() => accessOf(useDatabase({ credential: Credential.ANY, target: none })), refusal(/no access$/));
    assert.throws(() => accessOf(useDatabase({ access: Access.READ, target: none })), refusal(/no credential$/));
    assert.throws(
      () => accessOf(useDatabase({ access: Access.READ, credential: Credential.ANY })),
      refusal(/no target$/),
    );
  });

  test("refuses numbers that this version does not know", () => {
    const unknown = 99 as UnknownEnum;
    const none = { case: "none", value: {} } as const;
    assert.throws(
      () => accessOf(useDatabase({ access: unknown, credential: Credential.ANY, target: none })),
      refusal(/no access$/),
    );
    assert.throws(
      () => accessOf(useDatabase({ access: Access.READ, credential: unknown, target: none })),
      refusal(/no credential$/),
    );
  });

  test("refuses a public method that wants a credential, and any other that wants none", () => {
    const none = { case: "none", value: {} } as const;
    assert.throws(
      () => accessOf(useDatabase({ access: Access.PUBLIC, credential: Credential.ANY, target: none })),
      refusal(/only public/),
    );
    assert.throws(
      () => accessOf(useDatabase({ access: Access.READ, credential: Credential.NONE, target: none })),
      refusal(/only public/),
    );
  });

  test("refuses a target that the request does not have as text", () => {
    const missing = { case: "field", value: "nowhere" } as const;
    assert.throws(
      () => accessOf(useDatabase({ access: Access.ADMIN, credential: Credential.ANY, target: missing })),
      refusal(/no text field nowhere/),
    );
    const number = { case: "field", value: "retentionPeriod" } as const;
    const truncate = withRule("TruncateDatabase", { access: Access.ADMIN, credential: Credential.ANY, target: number });
    assert.throws(() => accessOf(truncate), refusal(/no text field retentionPeriod/));
  });
});

function refusal(message: RegExp) {
  return (thrown: unknown): boolean => thrown instanceof AssertionError && message.test(thrown.message);
}

function useDatabase(declared: MessageInitShape<typeof RuleSchema> | undefined): DescMethod {
  return withRule("UseDatabase", declared);
}

/** A method of ImmuService as it would be if the schema declared this rule for it. */
function withRule(name: string, declared: MessageInitShape<typeof RuleSchema> | undefined): DescMethod {
  const changed = clone(FileDescriptorProtoSchema, file_immudb_schema_service.proto);
  const method = changed.service[0]?.method.find((m) => m.name === name);
  assert.ok(method);
  method.options = create(MethodOptionsSchema);
  if (declared) setExtension(method.options, rule, create(RuleSchema, declared));
  const registry = createFileRegistry(changed, (path) =>
    file_immudb_schema_service.dependencies.find((f) => f.proto.name === path),
  );
  const file = registry.getFile(changed.name);
  assert.ok(file);
  return methodOf(file, name);
}

function methodOf(file: DescFile, name: string): DescMethod {
  const method = file.services[0]?.methods.find((m) => m.name === name);
  assert.ok(method);
  return method;
}
