// Calls in the three protocols, over HTTP/2 and HTTP/1.1, from raw bytes, so that they may be wrong in any way; and what was
// answered, brought to one form. No library of the product takes part.

import { Agent, request as http1Request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

const ANSWER_MS_MAX = 20_000;
const ANSWER_BYTES_MAX: number = 128 * 1024 * 1024;
const FLAG_GRPC_WEB_TRAILERS = 0x80;
const FLAG_CONNECT_END = 0x02;

export type Protocol = "grpc" | "grpc-web" | "connect";

export interface Call {
  readonly method: DescMethod;
  readonly protocol: Protocol;
  readonly codec: "proto" | "json";
  /** In Connect's form for methods without side effects: the message is in the address. */
  readonly isGet: boolean;
  readonly http: 1 | 2;
  readonly headers: Readonly<Record<string, string>>;
  /** One message each. */
  readonly messages: readonly Uint8Array[];
  /** What goes before a message, if not what its protocol says: flags and a length that may lie. */
  readonly envelope: ((message: Uint8Array) => Uint8Array) | undefined;
  /** The caller leaves after so many milliseconds. */
  readonly leavesAfterMs: number | undefined;
}

export interface Answer {
  readonly http: number;
  /** How it ended; undefined: the answer says nothing of it. Codes as Connect numbers them, 0 for success. */
  readonly status: { readonly code: number; readonly text: string; readonly hasDetails: boolean } | undefined;
  /** Answering messages, each whole. */
  readonly messages: readonly Uint8Array[];
  /** Why there is no (whole) answer. */
  readonly broken: "hung" | "left" | "cut" | undefined;
}

interface Raw {
  http: number;
  headers: Record<string, string | string[] | undefined>;
  trailers: Record<string, string | string[] | undefined>;
  readonly chunks: Buffer[];
  broken: Answer["broken"];
  /** The connection had been used before, and nothing came. */
  isStale?: boolean;
}

const SESSION_MEGABYTES = 256;

export class RpcClient {
  readonly #url: string;
  readonly #agent: Agent = new Agent({ keepAlive: true, maxSockets: 16 });
  #session: ClientHttp2Session | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  close(): void {
    this.#session?.destroy();
    this.#agent.destroy();
  }

  async call(call: Call): Promise<Answer> {
    const enveloped = call.protocol !== "connect" || call.method.methodKind !== "unary";
    const body = enveloped
      ? Buffer.concat(call.messages.flatMap((message) => [(call.envelope ?? envelope)(message), message]))
      : Buffer.from((call.isGet ? undefined : call.messages[0]) ?? new Uint8Array(0));
    const type = call.isGet ? {} : { "content-type": contentType(call, enveloped) };
    const headers = { ...type, te: "trailers", ...call.headers };
    if (call.http === 2) return read(call, await this.#overHttp2(call, headers, body), enveloped);
    let raw = await this.#overHttp1(call, headers, body);
    // A server may close an idle connection at the moment when it is used again.
    if (raw.isStale) raw = await this.#overHttp1(call, headers, body);
    return read(call, raw, enveloped);
  }

  #overHttp2(call: Call, headers: Record<string, string>, body: Buffer): Promise<Raw> {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      // Node refuses further calls while more than 10 MB of a session wait, a long request that nobody wants to read included.
      this.#session = connect(this.#url, { maxSessionMemory: SESSION_MEGABYTES });
      this.#session.on("error", () => undefined);
    }
    const raw: Raw = { http: 0, headers: {}, trailers: {}, chunks: [], broken: undefined };
    const stream = this.#session.request({ ":method": verbOf(call), ":path": pathOf(call), ...headers });
    return new Promise((resolve) => {
      const timers = endings(call, raw, () => stream.close(8));
      let size = 0;
      stream.on("response", (fields) => {
        raw.headers = fields as Raw["headers"];
        raw.http = Number(fields[":status"]);
      });
      stream.on("trailers", (fields) => {
        raw.trailers = fields as Raw["trailers"];
      });
      stream.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= ANSWER_BYTES_MAX) raw.chunks.push(chunk);
      });
      let ended = false;
      stream.on("end", () => {
        ended = true;
      });
      stream.on("error", () => undefined);
      stream.on("close", () => {
        timers();
        if (!ended) raw.broken ??= "cut";
        resolve(raw);
      });
      if (!call.isGet) stream.end(body);
    });
  }

  #overHttp1(call: Call, headers: Record<string, string>, body: Buffer): Promise<Raw> {
    const raw: Raw = { http: 0, headers: {}, trailers: {}, chunks: [], broken: undefined };
    return new Promise((resolve) => {
      const options = { method: verbOf(call), headers, agent: this.#agent };
      const request = http1Request(`${this.#url}${pathOf(call)}`, options);
      const timers = endings(call, raw, () => request.destroy());
      const done = (isWhole: boolean): void => {
        timers();
        if (!isWhole) raw.broken ??= "cut";
        resolve(raw);
      };
      request.on("response", (response) => {
        raw.http = response.statusCode ?? 0;
        raw.headers = response.headers;
        response.on("data", (chunk: Buffer) => raw.chunks.push(chunk));
        response.on("error", () => undefined);
        response.on("close", () => done(response.complete));
      });
      request.on("error", () => {
        raw.isStale = request.reusedSocket && raw.http === 0 && raw.broken === undefined;
        done(false);
      });
      request.end(body);
    });
  }
}

function verbOf({ isGet }: Call): string {
  return isGet ? "GET" : "POST";
}

function pathOf({ method, isGet, codec, messages }: Call): string {
  const path = `/${method.parent.typeName}/${method.name}`;
  if (!isGet) return path;
  const message = Buffer.from(messages[0] ?? new Uint8Array(0)).toString("base64url");
  return `${path}?connect=v1&encoding=${codec}&base64=1&message=${message}`;
}

function contentType({ protocol, codec }: Call, enveloped: boolean): string {
  if (protocol === "connect") return enveloped ? `application/connect+${codec}` : `application/${codec}`;
  return `application/${protocol}+${codec}`;
}

function envelope(message: Uint8Array): Uint8Array {
  const out = Buffer.alloc(5);
  out.writeUInt32BE(message.length, 1);
  return out;
}

/** Ends a call that hangs, or whose caller leaves; returns what takes the timers back. */
function endings(call: Call, raw: Raw, end: () => void): () => void {
  const after = (ms: number, why: "hung" | "left"): NodeJS.Timeout =>
    setTimeout(() => {
      raw.broken ??= why;
      end();
    }, ms);
  const timers = [after(ANSWER_MS_MAX, "hung")];
  if (call.leavesAfterMs !== undefined) timers.push(after(call.leavesAfterMs, "left"));
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

function read({ protocol }: Call, raw: Raw, enveloped: boolean): Answer {
  const body = Buffer.concat(raw.chunks);
  const fields = { ...raw.headers, ...raw.trailers };
  const answer = { http: raw.http, broken: raw.broken };
  if (!enveloped) {
    if (raw.http === 200) return { ...answer, status: SUCCESS, messages: [body] };
    return { ...answer, status: connectStatus(body.toString()), messages: [] };
  }
  let status = protocol === "connect" ? undefined : grpcStatus(fields);
  const messages: Uint8Array[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const flags = body[at] ?? 0;
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length) break;
    const content = body.subarray(at + 5, end);
    if (protocol === "grpc-web" && flags & FLAG_GRPC_WEB_TRAILERS) status = grpcStatus(fieldsOf(content.toString()));
    else if (protocol === "connect" && flags & FLAG_CONNECT_END) status = connectEnd(content.toString());
    else messages.push(content);
    at = end;
  }
  return { ...answer, status, messages };
}

const SUCCESS = { code: 0, text: "", hasDetails: false };

function grpcStatus(fields: Raw["headers"]): Answer["status"] {
  const code = fields["grpc-status"];
  if (code === undefined) return undefined;
  const text = decodeURIComponent(String(fields["grpc-message"] ?? ""));
  return { code: Number(code), text, hasDetails: fields["grpc-status-details-bin"] !== undefined };
}

function fieldsOf(trailers: string): Record<string, string> {
  const lines = trailers.split("\r\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.split(":", 1)[0]?.toLowerCase(), line.replace(/^[^:]*: ?/, "")]));
}

function connectEnd(json: string): Answer["status"] {
  const { error } = JSON.parse(json) as { error?: object };
  return error === undefined ? SUCCESS : connectStatus(JSON.stringify(error));
}

const CODES: ReadonlyMap<string, number> = new Map(
  Object.entries(Code).flatMap(([name, code]) =>
    typeof code === "number" ? [[name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase(), code] as const] : [],
  ),
);

function connectStatus(json: string): Answer["status"] {
  try {
    const error = JSON.parse(json) as { code?: string; message?: string; details?: unknown[] };
    const code = CODES.get(error.code ?? "");
    if (code === undefined) return undefined;
    return { code, text: error.message ?? "", hasDetails: (error.details ?? []).length > 0 };
  } catch {
    return undefined;
  }
}
