// The unary methods for the doors that have a short way for them: past the Connect router, but through the same pipeline,
// handlers and codecs, so that the answer is the same whichever way a call took.
//
//   admit ──▶ decode ──▶ serve ──▶ encode       each a plain function; only serve may have to be waited for

import { fromJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { PUBLIC_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import { decoderOf } from "../wire/codec/decoder.ts";
import { framedEncoderOf } from "../wire/codec/encoder.ts";
import type { CallContext } from "./call.ts";
import { failed } from "./call-end.ts";
import { CallFailure } from "./error-table.ts";
import { jsonAnswerOf } from "./json-answer.ts";
import { identify, type Room, type ServedMethod } from "./pipeline.ts";
import { serve } from "./serve.ts";

/** Fields that a JSON request has beyond its message are ignored, as the router does. */
const JSON_OPTIONS = { ignoreUnknownFields: true };

/** A unary method, ready to be called. */
export class UnaryMethod {
  /** Whether it needs no login. */
  readonly isPublic: boolean;
  /** Longest request message. */
  readonly messageBytesMax: number;
  /** A request message from its protobuf form. Throws what the protobuf library throws. */
  readonly decode: (bytes: Uint8Array) => object;
  /** The answer of a handler as a gRPC frame: flag 0, length (4 bytes, big-endian), message in protobuf form. */
  readonly encodeFramed: (answer: object) => Uint8Array;
  /** The answer of a handler in JSON form. */
  readonly toJson: (answer: object) => string;
  readonly #method: ServedMethod;
  readonly #room: Room;

  constructor(method: ServedMethod, room: Room, messageBytesMax: number) {
    this.#method = method;
    this.#room = room;
    // Whoever has not logged in has no use for a long message.
    this.isPublic = method.access.access === "public";
    this.messageBytesMax = this.isPublic ? Math.min(PUBLIC_MESSAGE_BYTES_MAX, messageBytesMax) : messageBytesMax;
    this.toJson = jsonAnswerOf(method.descriptor.output);
    this.decode = decoderOf(method.descriptor.input);
    this.encodeFramed = framedEncoderOf(method.descriptor.output) as (answer: object) => Uint8Array;
  }

  /** Finds out who calls, before his message is read. Returns why he is not served, if so. */
  admit(ctx: CallContext): CallFailure | undefined {
    try {
      ctx.caller = identify(this.#method, ctx, this.#room);
      return undefined;
    } catch (error) {
      return failed(this.#method, ctx, error, this.#room);
    }
  }

  /** Runs an admitted call. Throws, or rejects with, a CallFailure. */
  serve(message: object, ctx: CallContext): object | Promise<object> {
    return serve(this.#method, message, ctx, this.#room);
  }

  /** A request message from its JSON form. Throws CallFailure `invalid_argument`. */
  fromJson(text: string): object {
    try {
      return fromJsonString(this.#method.descriptor.input, text, JSON_OPTIONS);
    } catch (error) {
      throw new CallFailure(Code.InvalidArgument, ConnectError.from(error, Code.InvalidArgument).rawMessage);
    }
  }
}

/** The unary methods by path, `/package.Service/Method`. `messageBytesMax`: longest request message. */
export function unaryMethods(
  methods: readonly ServedMethod[],
  room: Room,
  messageBytesMax: number,
): ReadonlyMap<string, UnaryMethod> {
  return new Map(
    methods
      .filter(({ descriptor }) => descriptor.methodKind === "unary")
      .map((method) => [method.path, new UnaryMethod(method, room, messageBytesMax)]),
  );
}
