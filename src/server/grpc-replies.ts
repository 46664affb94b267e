// The header blocks of gRPC replies, encoded once: the head that every reply begins with, and the trailers that it ends
// with. Those of a failure depend on its text; the most recent ones are kept, since clients ask for missing keys a lot.

import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { GRPC_FAILURES_KEPT } from "../base/limits.ts";
import { encodeFields } from "../http2/header-fields.ts";
import { toConnectError } from "../services/connect.ts";
import { CallFailure } from "../services/error-table.ts";
import { escapeGrpcMessage } from "./grpc-message.ts";

/** Of a failure that cannot be said. */
const INTERNAL = encodeFields([["grpc-status", "13"]]);

export class GrpcReplies {
  readonly head: Uint8Array;
  /** Of a call that went well. */
  readonly ok: Uint8Array = encodeFields([["grpc-status", "0"]]);
  readonly #failures = new Map<string, Uint8Array>();

  /** `ownFields`: on every answer. */
  constructor(ownFields: readonly (readonly [string, string])[]) {
    this.head = encodeFields([[":status", "200"], ...ownFields, ["content-type", "application/grpc+proto"]]);
  }

  /** Trailers that say why a call failed. Never throws. */
  failure(error: unknown): Uint8Array {
    try {
      return this.#failureOf(error);
    } catch {
      return INTERNAL;
    }
  }

  #failureOf(error: unknown): Uint8Array {
    if (!(error instanceof CallFailure)) return statusTrailers(error);
    const key = `${error.code} ${error.info ?? ""} ${error.message} ${error.causeText}`;
    const known = this.#failures.get(key);
    if (known !== undefined) return known;
    const trailers = statusTrailers(error);
    if (this.#failures.size >= GRPC_FAILURES_KEPT) this.#failures.clear();
    this.#failures.set(key, trailers);
    return trailers;
  }
}

function statusTrailers(error: unknown): Uint8Array {
  const fields = setTrailerStatus(new Headers(), toConnectError(error));
  return encodeFields(grpcTrailerFields(fields));
}

/** Trailers that the Connect library made, with the message escaped as gRPC does. */
export function grpcTrailerFields(trailers: Headers): [string, string][] {
  return [...trailers].map(([name, value]) =>
    name === "grpc-message" ? [name, escapeGrpcMessage(decodeURIComponent(value))] : [name, value],
  );
}
