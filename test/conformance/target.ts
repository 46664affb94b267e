// The server under test, called with an independent gRPC client and schema reader. Every call is answered by messages or
// by an error in the corpus' form; a call never throws for what the server says.

import grpc from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Json, JsonObject } from "./corpus.ts";
import { bytesToJson, type Message, messageToJson } from "./message-json.ts";

export type Answer = { readonly ok: readonly Message[] } | { readonly error: JsonObject };
/** Request headers. */
export type Meta = Readonly<Record<string, string>>;

interface Method {
  readonly path: string;
  readonly request: protobuf.Type;
  readonly response: protobuf.Type;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CALL_DEADLINE_MS = 60_000;
const CODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(grpc.status).flatMap(([name, code]) => (typeof code === "number" ? [[code, name] as const] : [])),
);

export class Target {
  readonly schema: protobuf.Root;
  readonly #client: grpc.Client;
  readonly #services: ReadonlyMap<string, protobuf.Service>;

  constructor(host: string, port: number, schema: protobuf.Root) {
    this.schema = schema;
    this.#services = servicesOf(schema);
    this.#client = new grpc.Client(`${host}:${port}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    });
  }

  close(): void {
    this.#client.close();
  }

  /** The method of a service, both by their short names; an unknown one is an error of the corpus or of the schema. */
  method(service: string, name: string): Method {
    const owner = this.#services.get(service);
    const method = owner?.methods[name]?.resolve() as protobuf.Method | undefined;
    if (owner === undefined || method?.resolvedRequestType == null || method.resolvedResponseType == null) {
      throw new Error(`no method ${service}.${name} in the schema`);
    }
    return {
      path: `/${owner.fullName.slice(1)}/${name}`,
      request: method.resolvedRequestType,
      response: method.resolvedResponseType,
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
    };
  }

  /** Calls a method of any of the four kinds; `requests` holds one message unless the client streams. */
  call(service: string, name: string, requests: readonly Message[], meta: Meta = {}): Promise<Answer> {
    const method = this.method(service, name);
    const metadata = new grpc.Metadata();
    for (const [key, value] of Object.entries(meta)) metadata.set(key, value);
    const encode = (m: Message): Buffer => Buffer.from(method.request.encode(method.request.create(m)).finish());
    const decode = (b: Buffer): Message => method.response.decode(b) as unknown as Message;
    const options = { deadline: Date.now() + CALL_DEADLINE_MS };

    return new Promise((resolve) => {
      const got: Message[] = [];
      const failed = (error: grpc.ServiceError): void => resolve({ error: this.#errorToJson(error) });
      const unary = (error: grpc.ServiceError | null, message?: Message): void =>
        error ? failed(error) : resolve({ ok: message === undefined ? [] : [message] });
      const collect = (
        stream: grpc.ClientReadableStream<Message> | grpc.ClientDuplexStream<Message, Message>,
      ): void => {
        stream.on("data", (message: Message) => got.push(message));
        stream.on("error", failed);
        stream.on("end", () => resolve({ ok: got }));
      };
      const send = (stream: grpc.ClientWritableStream<Message> | grpc.ClientDuplexStream<Message, Message>): void => {
        for (const request of requests) stream.write(request);
        stream.end();
      };
      const args = [method.path, encode, decode] as const;
      const first = requests[0] ?? {};
      if (method.requestStream && method.responseStream) {
        const stream = this.#client.makeBidiStreamRequest(...args, metadata, options);
        collect(stream);
        send(stream);
      } else if (method.requestStream) {
        send(this.#client.makeClientStreamRequest(...args, metadata, options, unary));
      } else if (method.responseStream) {
        collect(this.#client.makeServerStreamRequest(...args, first, metadata, options));
      } else {
        this.#client.makeUnaryRequest(...args, first, metadata, options, unary);
      }
    });
  }

  #errorToJson(error: grpc.ServiceError): JsonObject {
    const status = error.metadata?.get("grpc-status-details-bin")[0];
    const details = status === undefined ? {} : this.#detailsToJson(Buffer.from(status as Buffer));
    return {
      code: CODE_NAMES.get(error.code) ?? error.code,
      message: error.details,
      ...(Object.keys(details).length > 0 ? { details } : {}),
    };
  }

  /** google.rpc.Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3 } */
  #detailsToJson(status: Uint8Array): JsonObject {
    const out: Record<string, Json> = {};
    const reader = protobuf.Reader.create(status);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> 3 !== 3) {
        reader.skipType(tag & 7);
        continue;
      }
      const { url, value } = readAny(reader.bytes());
      const name = url.split("/").pop() ?? url;
      const type = this.schema.lookup(name);
      if (name.endsWith(".DebugInfo")) continue;
      if (type instanceof protobuf.Type) {
        out[type.name] = messageToJson(type, type.decode(value) as unknown as Message);
      } else {
        out[url] = bytesToJson(value);
      }
    }
    return out;
  }
}

/** google.protobuf.Any { string type_url = 1; bytes value = 2 } */
function readAny(bytes: Uint8Array): { url: string; value: Uint8Array } {
  const reader = protobuf.Reader.create(bytes);
  let url = "";
  let value: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) url = reader.string();
    else if (tag >>> 3 === 2) value = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return { url, value };
}

function servicesOf(schema: protobuf.Root): Map<string, protobuf.Service> {
  const services = new Map<string, protobuf.Service>();
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Service) services.set(nested.name, nested);
      else if (nested instanceof protobuf.Namespace) visit(nested);
    }
  };
  visit(schema);
  return services;
}
