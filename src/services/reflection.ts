// gRPC server reflection, v1 and v1alpha, from the generated descriptors: what grpcurl and its like ask before they call.
// Open to everyone: it tells nothing that the published schema does not. An answer is large beside its question, so that only so
// many conversations go on at once, on all connections together.

import type { DescFile, DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection as ReflectionV1 } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { PUBLIC_MESSAGE_BYTES_MAX, REFLECTIONS_MAX } from "../base/limits.ts";
import { DescriptorIndex, serialised, withDependencies } from "./descriptor-index.ts";
import { readable } from "./unreadable.ts";

/** A request of either version: they only differ in their names. */
interface Question {
  readonly host: string;
  readonly messageRequest:
    | { readonly case: "fileByFilename" | "fileContainingSymbol"; readonly value: string }
    | { readonly case: "allExtensionNumbersOfType" | "listServices"; readonly value: string }
    | {
        readonly case: "fileContainingExtension";
        readonly value: { readonly containingType: string; readonly extensionNumber: number };
      }
    | { readonly case: undefined };
}

type Answer =
  | { readonly case: "fileDescriptorResponse"; readonly value: { readonly fileDescriptorProto: Uint8Array[] } }
  | {
      readonly case: "allExtensionNumbersResponse";
      readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] };
    }
  | { readonly case: "listServicesResponse"; readonly value: { readonly service: { readonly name: string }[] } }
  | { readonly case: "errorResponse"; readonly value: { readonly errorCode: number; readonly errorMessage: string } };

/** What registers the description of `services`, and of itself, on any number of routers. */
export function reflectionOf(services: readonly DescService[]): (router: ConnectRouter) => void {
  let made: DescriptorIndex | undefined;
  const index = (): DescriptorIndex => {
    made ??= new DescriptorIndex([...services, ReflectionV1, ReflectionV1Alpha]);
    return made;
  };
  let conversations = 0;
  async function* serverReflectionInfo<Q extends Question>(
    questions: AsyncIterable<Q>,
  ): AsyncGenerator<{ validHost: string; originalRequest: Q; messageResponse: Answer }> {
    if (conversations >= REFLECTIONS_MAX) {
      const message = `more than ${REFLECTIONS_MAX} clients ask what is served: try again`;
      throw new ConnectError(message, Code.ResourceExhausted);
    }
    conversations++;
    try {
      const sent = new Set<DescFile>();
      for await (const question of readable(questions)) {
        const messageResponse = answer(question.messageRequest, index(), sent);
        yield { validHost: question.host, originalRequest: question, messageResponse };
      }
    } finally {
      conversations--;
    }
  }
  const options = { readMaxBytes: PUBLIC_MESSAGE_BYTES_MAX };
  return (router) => {
    router.service(ReflectionV1, { serverReflectionInfo }, options);
    router.service(ReflectionV1Alpha, { serverReflectionInfo }, options);
  };
}

function answer(question: Question["messageRequest"], index: DescriptorIndex, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case "fileByFilename":
      return files(index.fileNamed(question.value), `file '${question.value}'`, sent);
    case "fileContainingSymbol":
      return files(index.fileWithSymbol(question.value), `symbol '${question.value}'`, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const found = index.fileWithExtension(containingType, extensionNumber);
      return files(found, `extension ${extensionNumber} of '${containingType}'`, sent);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index.extensionNumbers(question.value);
      if (extensionNumber === undefined) return notFound(`message '${question.value}'`);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber } };
    }
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.services.map((name) => ({ name })) } };
    case undefined:
      throw new ConnectError("the request asks nothing", Code.InvalidArgument);
  }
}

function files(found: DescFile | undefined, what: string, sent: Set<DescFile>): Answer {
  if (found === undefined) return notFound(what);
  // Whoever asks for a file again has a reason to.
  sent.delete(found);
  const fileDescriptorProto = withDependencies(found, sent).map(serialised);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(what: string): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `there is no ${what}` } };
}
