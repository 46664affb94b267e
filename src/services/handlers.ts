import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { Handler } from "./pipeline.ts";

/** Handlers of some unary methods of a service, by the names that the generated description gives them. */
export type Handlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]?: Service["method"][Name] extends DescMethodUnary<infer I, infer O>
    ? Handler<I, O>
    : never;
};
