// Health and reflection, as clients of gRPC know them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { create, createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { type ServerReflectionResponse, ServerReflection as V1 } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as V1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { rule } from "../../gen/immudb/access/v1/access_pb.ts";
import { REFLECTIONS_MAX } from "../../src/base/limits.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { refusalOf } from "./support.ts";

const IMMU = "immudb.schema.ImmuService";
const SERVICES = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "immudb.model.AuthorizationService",
  "immudb.model.DocumentService",
  IMMU,
  "immudb.verify.v1.VerifyService",
];

type Question =
  NonNullable<Parameters<Client<typeof V1>["serverReflectionInfo"]>[0]> extends AsyncIterable<infer Q> ? Q : never;

for (const transport of ["own", "node"])
  describe(`the services of gRPC itself, transport ${transport}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startTestServer({ transport });
    });
    after(() => server[Symbol.asyncDispose]());

    const health = (): Client<typeof Health> => createClient(Health, createGrpcTransport({ baseUrl: server.url }));
    /** Asks one question after the other on one stream. */
    const ask = async (
      questions: readonly Question["messageRequest"][],
      service: typeof V1 | typeof V1Alpha = V1,
    ): Promise<ServerReflectionResponse["messageResponse"][]> => {
      async function* asked() {
        for (const messageRequest of questions) yield { host: "here", messageRequest } as Question;
      }
      const answers = [];
      const client = createClient(service as typeof V1, createGrpcTransport({ baseUrl: server.url }));
      for await (const { validHost, originalRequest, messageResponse } of client.serverReflectionInfo(asked())) {
        assert.equal(validHost, "here");
        assert.partialDeepStrictEqual(originalRequest?.messageRequest, questions[answers.length]);
        answers.push(messageResponse);
      }
      return answers;
    };
    const filesOf = (answer: ServerReflectionResponse["messageResponse"] | undefined): FileDescriptorProto[] => {
      assert.equal(answer?.case, "fileDescriptorResponse");
      return (answer.value as { fileDescriptorProto: Uint8Array[] }).fileDescriptorProto.map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
    };

    for (const [version, service] of [
      ["v1", V1],
      ["v1alpha", V1Alpha],
    ] as const) {
      test(`reflection ${version} lists the services, and gives a client that knows nothing all it takes to call one`, async () => {
        const [list, whole] = await ask(
          [
            { case: "listServices", value: "*" },
            { case: "fileContainingSymbol", value: IMMU },
          ],
          service,
        );
        assert.equal(list?.case, "listServicesResponse");
        assert.deepEqual(
          list.value.service.map(({ name }) => name),
          SERVICES,
        );
        const registry = registryOf(filesOf(whole));
        const immu = registry.getService(IMMU);
        assert.ok(immu);
        const client = createClient(immu, createGrpcTransport({ baseUrl: server.url }));
        const call = client["health"] as unknown as (request: object) => Promise<object>;
        assert.partialDeepStrictEqual(await call({}), { status: true, version: "1.11.1" });
      });
    }

    test("reflection finds every kind of name, files by name, and extensions", async () => {
      const names = [
        IMMU,
        `${IMMU}.streamExportTx`,
        "immudb.schema.KeyRequest",
        "immudb.schema.KeyRequest.sinceTx",
        "immudb.schema.Precondition.KeyMustExistPrecondition",
        "immudb.access.v1.Access",
        "immudb.access.v1.ACCESS_PUBLIC",
        "immudb.access.v1.rule",
        "google.protobuf.Empty",
        "grpc.reflection.v1.ServerReflectionRequest.list_services",
      ];
      for (const name of names) {
        const [answer] = await ask([{ case: "fileContainingSymbol", value: name }]);
        const [first] = filesOf(answer);
        assert.ok(declares(first as FileDescriptorProto, name), name);
      }
      const extendee = MethodOptionsSchema.typeName;
      const [file, extension, numbers, none, again] = await ask([
        { case: "fileByFilename", value: "immudb/schema/kv.proto" },
        {
          case: "fileContainingExtension",
          value: { containingType: extendee, extensionNumber: rule.number } as never,
        },
        { case: "allExtensionNumbersOfType", value: extendee },
        { case: "allExtensionNumbersOfType", value: "immudb.schema.KeyRequest" },
        { case: "fileByFilename", value: "immudb/schema/kv.proto" },
      ]);
      assert.equal(filesOf(file)[0]?.name, "immudb/schema/kv.proto");
      assert.equal(filesOf(extension)[0]?.name, "immudb/access/v1/access.proto");
      assert.deepEqual(numbersOf(numbers), [rule.number]);
      assert.deepEqual(numbersOf(none), []);
      assert.deepEqual(
        filesOf(again).map(({ name }) => name),
        ["immudb/schema/kv.proto"],
        "its imports are there already",
      );
    });

    test("reflection says NOT_FOUND of what there is not, and goes on; a request that asks nothing is refused", async () => {
      const unknown = await ask([
        { case: "fileByFilename", value: "nothing.proto" },
        { case: "fileContainingSymbol", value: "immudb.schema.Nothing" },
        {
          case: "fileContainingExtension",
          value: { containingType: "immudb.schema.KeyRequest", extensionNumber: 7 } as never,
        },
        { case: "allExtensionNumbersOfType", value: "immudb.schema.Nothing" },
        { case: "listServices", value: "" },
      ]);
      const codes = unknown.map(({ value }) => (value as { errorCode?: number }).errorCode);
      assert.deepEqual(codes, [Code.NotFound, Code.NotFound, Code.NotFound, Code.NotFound, undefined]);
      assert.equal((await refusalOf(ask([{ case: undefined }]))).code, Code.InvalidArgument);
    });

    test("reflection can be switched off, and a request to it may not be long", async () => {
      const long = refusalOf(ask([{ case: "fileContainingSymbol", value: "x".repeat(100_000) }]));
      assert.equal((await long).code, Code.ResourceExhausted);
      await using silent = await startTestServer({ transport, "grpc-reflection": "false" });
      const client = createClient(V1, createGrpcTransport({ baseUrl: silent.url }));
      const answers = client.serverReflectionInfo((async function* () {})())[Symbol.asyncIterator]();
      assert.equal((await refusalOf(answers.next())).code, Code.Unimplemented);
    });

    test("so many clients may be in the middle of asking, whatever their connection, and no more", async () => {
      let end = (): void => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      async function* asking() {
        yield { messageRequest: { case: "listServices", value: "" } } as Question;
        await ended;
      }
      const open = () => createClient(V1, createGrpcTransport({ baseUrl: server.url })).serverReflectionInfo(asking());
      const talks = Array.from({ length: REFLECTIONS_MAX }, () => open()[Symbol.asyncIterator]());
      for (const talk of talks) assert.equal((await talk.next()).done, false);
      assert.equal((await refusalOf(open()[Symbol.asyncIterator]().next())).code, Code.ResourceExhausted);
      end();
      for (const talk of talks) assert.equal((await talk.next()).done, true);
      assert.equal((await ask([{ case: "listServices", value: "" }])).length, 1);
    });

    test("health is told of the server and of each service to whoever asks, in every protocol", async () => {
      for (const to of [
        createGrpcTransport({ baseUrl: server.url }),
        createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
      ]) {
        const client = createClient(Health, to);
        assert.equal((await client.check({})).status, Status.SERVING);
        assert.equal((await client.check({ service: IMMU })).status, Status.SERVING);
        const refusal = await refusalOf(client.check({ service: "no.such.Service" }));
        assert.deepEqual(refusal, { code: Code.NotFound, text: "there is no service 'no.such.Service'" });
      }
      const { statuses } = await health().list({});
      assert.deepEqual(
        Object.keys(statuses).toSorted(),
        ["", ...SERVICES.filter((name) => name.startsWith("immudb."))].toSorted(),
      );
      assert.equal(statuses[IMMU]?.status, Status.SERVING);
    });

    test("whoever watches is told when the server stops, and that a service is unknown", async () => {
      await using stopping = await startTestServer({ transport });
      const client = createClient(Health, createGrpcTransport({ baseUrl: stopping.url }));
      const seen: Status[] = [];
      let stopped: Promise<void> | undefined;
      for await (const { status } of client.watch({ service: IMMU })) {
        seen.push(status);
        stopped ??= stopping.restart();
      }
      await stopped;
      assert.deepEqual(seen, [Status.SERVING, Status.NOT_SERVING]);
      const left = new AbortController();
      for await (const { status } of client.watch({ service: "no.such.Service" }, { signal: left.signal })) {
        assert.equal(status, Status.SERVICE_UNKNOWN);
        break;
      }
    });
  });

function numbersOf(answer: ServerReflectionResponse["messageResponse"] | undefined): number[] {
  assert.equal(answer?.case, "allExtensionNumbersResponse");
  return (answer.value as { extensionNumber: number[] }).extensionNumber;
}

/** What a client builds from the files that it was given. */
function registryOf(files: readonly FileDescriptorProto[]): FileRegistry {
  const ordered = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto): void => {
    for (const name of file.dependency) {
      const imported = files.find((one) => one.name === name);
      assert.ok(imported, `${name} was not given`);
      add(imported);
    }
    ordered.add(file);
  };
  files.forEach(add);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...ordered] }));
}

/** Whether a file alone declares a full name. */
function declares(file: FileDescriptorProto, name: string): boolean {
  const short = name.slice(file.package.length + 1).split(".");
  const [first, second, third] = short;
  if (!name.startsWith(`${file.package}.`) || first === undefined) return false;
  const service = file.service.find((one) => one.name === first);
  const message = file.messageType.find((one) => one.name === first);
  if (service !== undefined) return second === undefined || service.method.some((one) => one.name === second);
  if (message !== undefined) {
    if (second === undefined) return true;
    const nested = message.nestedType.some((one) => one.name === second);
    return (
      third === undefined && (nested || message.field.some((one) => one.name === second || one.jsonName === second))
    );
  }
  const enums = file.enumType.some((one) => one.name === first || one.value.some((value) => value.name === first));
  return second === undefined && (enums || file.extension.some((one) => one.name === first));
}
