// What a data directory is asked: everything that it holds, through the methods that clients call. The answers of a directory
// that an earlier version wrote are kept beside it; they may never change.

import { createHash } from "node:crypto";
import { type DescMethod, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction } from "../../../gen/immudb/schema/tx_pb.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { createNodeTransport } from "../../../src/client/node.ts";
import type { TestServer } from "../../support/test-server.ts";

export type Immu = Client<typeof ImmuService>;
/** By database, then by question. An answer that is long is kept as its hash. */
export type Answers = Record<string, Record<string, JsonValue>>;

export const DATABASES: readonly string[] = ["defaultdb", "aged", "copy", "older", "waiting"];
const LONG = 600;
const RAW = { action: EntryTypeAction.RAW_VALUE };
const KEYS = ["a", "bound", "deleted", "expired", "later", "reference", "small", "streamed", "wide 7", "old", "new"];

/** Calls `work` as a user who has selected a database. */
export async function withDatabase<T>(
  server: Pick<TestServer, "host" | "port" | "user" | "password">,
  databaseName: string,
  work: (immu: Immu) => Promise<T>,
): Promise<T> {
  const transport = createNodeTransport(`${server.host}:${server.port}`);
  let sessionid = "";
  const signed = (header: ConstructorParameters<typeof Headers>[0]): Headers => {
    const headers = new Headers(header);
    if (sessionid !== "") headers.set("sessionid", sessionid);
    return headers;
  };
  try {
    const immu = createClient(ImmuService, {
      unary: (method, signal, timeoutMs, header, ...rest) =>
        transport.unary(method, signal, timeoutMs, signed(header), ...rest),
      stream: (method, signal, timeoutMs, header, ...rest) =>
        transport.stream(method, signal, timeoutMs, signed(header), ...rest),
    });
    const login = { username: utf8(server.user), password: utf8(server.password), databaseName };
    sessionid = (await immu.openSession(login)).sessionID;
    const result = await work(immu);
    await immu.closeSession({});
    return result;
  } finally {
    transport.close();
  }
}

/** Asks a server everything. */
export async function answersOf(server: TestServer): Promise<Answers> {
  const answers: Answers = {};
  for (const database of DATABASES) {
    answers[database] = await withDatabase(server, database, (immu) => everythingIn(immu, database));
  }
  return answers;
}

async function everythingIn(immu: Immu, database: string): Promise<Record<string, JsonValue>> {
  const answers: Record<string, JsonValue> = {};
  const { txId } = await immu.currentState({});
  const ask = async (name: string, method: DescMethod, call: () => Promise<unknown>): Promise<void> => {
    answers[name] = await call().then(
      (answer) => short(toJson(method.output, answer as never)),
      (error: unknown) => refusal(error),
    );
  };
  const { method } = ImmuService;
  await ask("state", method.currentState, () => immu.currentState({}));
  await ask("count", method.countAll, () => immu.countAll({}));
  await ask("scan", method.scan, () => immu.scan({ prefix: utf8("wide") }));
  await ask("set", method.zScan, () => immu.zScan({ set: utf8("set") }));
  for (const key of KEYS) {
    await ask(`get ${key}`, method.get, () => immu.get({ key: utf8(key) }));
    await ask(`history ${key}`, method.history, () => immu.history({ key: utf8(key) }));
  }
  for (let tx = 1n; tx <= txId; tx++) {
    await ask(`tx ${tx}`, method.txById, () =>
      immu.txById({ tx, entriesSpec: { kvEntriesSpec: RAW, zEntriesSpec: RAW } }),
    );
    await ask(`proof ${tx}`, method.verifiableTxById, () => immu.verifiableTxById({ tx, proveSinceTx: 1n }));
    answers[`export ${tx}`] = await exported(immu, tx).catch(refusal);
  }
  if (database === "defaultdb") await ask("users", method.listUsers, () => immu.listUsers({}));
  return answers;
}

async function exported(immu: Immu, tx: bigint): Promise<JsonValue> {
  const hash = createHash("sha256");
  for await (const { content } of immu.exportTx({ tx })) hash.update(content);
  return hash.digest("hex");
}

function short(json: JsonValue): JsonValue {
  const text = JSON.stringify(json);
  return text.length <= LONG
    ? json
    : `${text.length} bytes, SHA-256 ${createHash("sha256").update(text).digest("hex")}`;
}

function refusal(error: unknown): JsonValue {
  if (!(error instanceof ConnectError)) throw error;
  return `refused: ${error.code} ${error.rawMessage}`;
}
