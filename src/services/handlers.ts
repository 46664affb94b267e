import type { DescMethodServerStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { Handler, StreamHandler } from "./pipeline.ts";

/** Handlers of some methods of a service, by the names that the generated description gives them. */
export type Handlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]?: Service["method"][Name] extends DescMethodUnary<infer I, infer O>
    ? Handler<I, O>
    : Service["method"][Name] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamHandler<I, O>
      : never;
};
