// Which call comes next: its method, protocol, credentials, headers and messages, and what is wrong with them.

import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Call, Protocol } from "./rpc-client.ts";
import { messageBytes, messageJson } from "./rpc-messages.ts";
import type { World } from "./rpc-world.ts";

type Headers = Readonly<Record<string, string>>;

/** Of a conversation's calls they end what the others need; seldom. */
const ENDING = new Set([
  "CloseSession",
  "Logout",
  "ChangePermission",
  "ChangePassword",
  "SetActiveUser",
  "UnloadDatabase",
  "DeleteDatabase",
  "UseDatabase",
]);

/** Two calls of three are one of these: they lead to what the others can read. */
const DEEP = new Set([
  "Set",
  "Get",
  "GetAll",
  "Delete",
  "ExecAll",
  "Scan",
  "ZScan",
  "History",
  "SetReference",
  "ZAdd",
  "TxById",
  "TxScan",
  "VerifiableSet",
  "VerifiableGet",
  "VerifiableTxById",
  "streamSet",
  "streamGet",
  "streamScan",
  "streamZScan",
  "streamHistory",
  "streamExecAll",
  "streamVerifiableSet",
  "streamVerifiableGet",
  "exportTx",
  "replicateTx",
]);

/** In a URL. A longer one than heads may be is refused while it is still being sent: its sender may not live to see the answer. */
const GET_MESSAGE_BYTES_MAX = 8192;

export class Maker {
  readonly #world: World;
  readonly #methods: readonly DescMethod[];
  readonly #deep: readonly DescMethod[];
  /** Headers that say who calls. */
  users: readonly Headers[] = [{}];

  constructor(world: World, methods: readonly DescMethod[]) {
    this.#world = world;
    this.#methods = methods;
    this.#deep = methods.filter(({ name }) => DEEP.has(name));
  }

  call(): Call {
    const world = this.#world;
    const { random } = world;
    let method = world.pick(random.chance(0.67) ? this.#deep : this.#methods);
    if (ENDING.has(method.name) && random.chance(0.8)) method = world.pick(this.#deep);
    const protocol = world.pick<Protocol>(["grpc", "grpc", "grpc-web", "connect"]);
    const codec = random.chance(0.2) ? "json" : "proto";
    const make = codec === "json" ? messageJson : messageBytes;
    const isPure = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    const messages = Array.from({ length: this.#count(method) }, () => make(method.input, world));
    const isShort = messages.every(({ length }) => length <= GET_MESSAGE_BYTES_MAX);
    return {
      method,
      protocol,
      codec,
      isGet: protocol === "connect" && method.methodKind === "unary" && isPure && isShort && random.chance(0.2),
      // gRPC's trailers need HTTP/2.
      http: protocol !== "grpc" && random.chance(0.3) ? 1 : 2,
      headers: this.#headers(),
      messages,
      envelope: random.chance(0.03) ? this.#envelope() : undefined,
      // Who watches is answered until he leaves.
      leavesAfterMs: random.chance(0.03) || method.name === "Watch" ? random.below(30) : undefined,
    };
  }

  #count({ methodKind }: DescMethod): number {
    const { random } = this.#world;
    if (methodKind === "client_streaming" || methodKind === "bidi_streaming") return random.below(5);
    return random.chance(0.98) ? 1 : this.#world.pick([0, 2]);
  }

  #headers(): Headers {
    const { pick, random } = { pick: this.#world.pick.bind(this.#world), random: this.#world.random };
    const credentials = random.chance(0.92)
      ? pick(this.users)
      : pick<Headers>([
          {},
          { sessionid: "deadbeef" },
          { sessionid: "" },
          { authorization: "Bearer junk" },
          { authorization: "" },
          { authorization: `Bearer ${"A".repeat(43)}=` },
        ]);
    const odd = random.chance(0.94)
      ? {}
      : pick<Headers>([
          { "grpc-timeout": "1n" },
          { "grpc-timeout": "20m" },
          { "grpc-timeout": "soon" },
          { "grpc-timeout": "99999999H" },
          { "connect-timeout-ms": "1" },
          { "connect-timeout-ms": "-1" },
          { "connect-protocol-version": "1" },
          { "grpc-encoding": "gzip" },
          { "grpc-encoding": "none such" },
          { "content-encoding": "gzip" },
          { "content-type": "application/grpc+thrift" },
          { "content-type": "text/plain" },
          { transactionid: "none" },
          { "immudb-uuid": "x" },
        ]);
    return { ...credentials, ...odd };
  }

  /** What goes before a message and is not true. */
  #envelope(): (message: Uint8Array) => Uint8Array {
    const flags = this.#world.pick([0, 1, 2, 0x80, 0xff]);
    const by = this.#world.pick([0, 0, 1, -1, 5, 2 ** 31, 2 ** 32 - 1]);
    return ({ length }) => {
      const out = Buffer.alloc(5);
      out[0] = flags;
      out.writeUInt32BE(Math.min(Math.max(length + by, 0), 2 ** 32 - 1), 1);
      return out;
    };
  }
}
