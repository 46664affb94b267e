import type {
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
} from "@bufbuild/protobuf";
import type { BidiHandler, Handler, RequestStreamHandler, StreamHandler } from "./pipeline.ts";

/** Handlers of some methods of a service, by the names that the generated description gives them. */
export type Handlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]?: HandlerOf<Service["method"][Name]>;
};

type HandlerOf<Method> =
  Method extends DescMethodUnary<infer I, infer O>
    ? Handler<I, O>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? StreamHandler<I, O>
      : Method extends DescMethodClientStreaming<infer I, infer O>
        ? RequestStreamHandler<I, O>
        : Method extends DescMethodBiDiStreaming<infer I, infer O>
          ? BidiHandler<I, O>
          : never;
