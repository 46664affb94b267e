// Runs one recorded case against a server: makes the case a database and a session of its own, does its steps in order,
// hands every answer to the caller in the corpus' form, and removes the databases. Users that a case creates stay.

import { setTimeout as sleep } from "node:timers/promises";
import type { Case, Json, JsonObject, Step } from "./corpus.ts";
import { bytesToJson, type Message, messageFromJson, messageToJson } from "./message-json.ts";
import { committedTxToJson, queryResultToJson, sqlValueFromJson } from "./sql-json.ts";
import type { Answer, Meta, Target } from "./target.ts";
import { Variables } from "./variables.ts";

/** The system administrator. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Called after each step with its answer, or with the error that kept the step from being sent. */
export type OnStep = (index: number, step: Step, got: Json | Error) => void;

const SERVICE = "ImmuService";

/** Throws when the case cannot be set up; a wrong answer is the listener's to judge. */
export async function runCase(target: Target, recorded: Case, admin: Credentials, onStep: OnStep): Promise<void> {
  const run = await CaseRun.open(target, admin);
  try {
    for (const [index, step] of recorded.steps.entries()) {
      let got: Json | Error;
      try {
        got = run.remember(step, await run.step(step));
      } catch (error) {
        got = error instanceof Error ? error : new Error(String(error));
      }
      onStep(index, step, got);
    }
  } finally {
    await run.close();
  }
}

class CaseRun {
  readonly #target: Target;
  readonly #admin: Credentials;
  readonly #adminMeta: Meta;
  readonly #variables = new Variables();
  readonly #sessions = new Map<string, Meta>();
  /** Open SQL transactions by the case's names. */
  readonly #txs = new Map<string, string>();

  private constructor(target: Target, admin: Credentials, adminMeta: Meta) {
    this.#target = target;
    this.#admin = admin;
    this.#adminMeta = adminMeta;
  }

  static async open(target: Target, admin: Credentials): Promise<CaseRun> {
    const run = new CaseRun(target, admin, await openSession(target, admin, "defaultdb"));
    const database = run.#variables.get("DB");
    mustAnswer(await target.call(SERVICE, "CreateDatabaseV2", [{ name: database }], run.#adminMeta));
    run.#sessions.set("main", await openSession(target, admin, database));
    return run;
  }

  async close(): Promise<void> {
    for (const meta of this.#sessions.values()) {
      if ("sessionid" in meta) await this.#target.call(SERVICE, "CloseSession", [{}], meta);
    }
    for (const name of ["DB", "DB2", "DB3"]) {
      const database = this.#variables.get(name);
      const unloaded = await this.#target.call(SERVICE, "UnloadDatabase", [{ database }], this.#adminMeta);
      if ("ok" in unloaded) await this.#target.call(SERVICE, "DeleteDatabase", [{ database }], this.#adminMeta);
    }
    await this.#target.call(SERVICE, "CloseSession", [{}], this.#adminMeta);
  }

  /** Keeps what the step saves, and names generated values in the answer as the recording does. */
  remember(step: Step, answer: JsonObject): Json {
    const { ok } = answer;
    if (ok !== undefined) {
      for (const [name, path] of Object.entries(step.save ?? {})) this.#variables.save(name, pick(ok, path));
      if (step.method === "InsertDocuments") this.#variables.saveDocumentIds((ok as JsonObject)["documentIds"]);
    }
    return this.#variables.name(answer);
  }

  async step(step: Step): Promise<JsonObject> {
    switch (step.op) {
      case "call":
        return this.#call(step);
      case "session":
        return this.#session(step);
      case "login":
        return this.#login(step);
      case "useToken":
        return this.#useToken(step);
      case "exec":
        return this.#exec(step);
      case "query":
      case "unary":
        return this.#query(step);
      case "newTx":
        return this.#newTx(step);
      case "commit":
        return this.#answer(step, "Commit", {}, ([tx]) => this.#committed(tx ?? {}));
      case "rollback":
        return this.#answer(step, "Rollback", {}, () => ({}));
      case "sleep":
        await sleep(step.ms);
        return { ok: {} };
      case "mark":
        this.#variables.save(step.name ?? "", `${new Date().toISOString().replace("T", " ").slice(0, -1)}000`);
        return { ok: {} };
    }
  }

  async #call(step: Step): Promise<JsonObject> {
    const service = step.service ?? SERVICE;
    const method = this.#target.method(service, step.method ?? "");
    const requests = (step.reqs ?? [step.req ?? {}]).map((json) =>
      messageFromJson(method.request, this.#variables.fill(json) as JsonObject),
    );
    const answer = await this.#target.call(service, step.method ?? "", requests, this.#meta(step));
    if ("error" in answer) return answer;
    const messages = answer.ok.map((m) => messageToJson(method.response, m));
    return { ok: method.responseStream ? messages : (messages[0] ?? null) };
  }

  async #session(step: Step): Promise<JsonObject> {
    const request = {
      username: this.#bytes(step.user ?? this.#admin.user),
      password: this.#bytes(step.password ?? this.#admin.password),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the corpus.
      databaseName: this.#variables.fill(step.db ?? "${DB}"),
    };
    return this.#answer({ ...step, as: null }, "OpenSession", request, ([opened]) => {
      this.#sessions.set(step.name ?? "", { sessionid: opened?.["sessionID"] as string });
      return { opened: true };
    });
  }

  async #login(step: Step): Promise<JsonObject> {
    const request = {
      user: this.#bytes(step.user ?? this.#admin.user),
      password: this.#bytes(step.password ?? this.#admin.password),
    };
    return this.#answer({ ...step, as: null }, "Login", request, ([login]) => {
      this.#sessions.set(step.name ?? "", { authorization: `Bearer ${login?.["token"]}` });
      const warning = (login?.["warning"] ?? new Uint8Array(0)) as Uint8Array;
      return { opened: true, ...(warning.length > 0 ? { warning: bytesToJson(warning) } : {}) };
    });
  }

  /** UseDatabase on a token: the returned token takes its place. */
  async #useToken(step: Step): Promise<JsonObject> {
    return this.#answer(step, "UseDatabase", { databaseName: this.#variables.fill(step.db ?? "") }, ([used]) => {
      if (used?.["token"]) this.#sessions.set(step.as ?? "", { authorization: `Bearer ${used["token"]}` });
      return { used: true };
    });
  }

  async #exec(step: Step): Promise<JsonObject> {
    const request = { ...this.#sqlRequest(step), noWait: step.noWait === true };
    if (step.tx !== undefined) return this.#answer(step, "TxSQLExec", request, () => ({}));
    return this.#answer(step, "SQLExec", request, ([result]) => ({
      txs: ((result?.["txs"] ?? []) as Message[]).map((tx) => this.#committed(tx)),
      ...(result?.["ongoingTx"] === true ? { ongoingTx: true } : {}),
    }));
  }

  async #query(step: Step): Promise<JsonObject> {
    const request = { ...this.#sqlRequest(step), acceptStream: step.acceptStream ?? true };
    const method = step.op === "unary" ? "UnarySQLQuery" : step.tx === undefined ? "SQLQuery" : "TxSQLQuery";
    return this.#answer(step, method, request, (messages) => queryResultToJson(messages, step.batches === true));
  }

  async #newTx(step: Step): Promise<JsonObject> {
    const type = this.#target.schema.lookupType("immudb.schema.NewTxRequest");
    const request = messageFromJson(type, { mode: step.mode ?? "ReadWrite", ...step.req });
    const { tx, ...untied } = step;
    return this.#answer(untied, "NewTx", request, ([opened]) => {
      const transactionID = opened?.["transactionID"] as string;
      this.#txs.set(tx ?? "", transactionID);
      return { transactionID };
    });
  }

  async #answer(
    step: Step,
    method: string,
    request: Message,
    toJson: (messages: readonly Message[]) => Json,
  ): Promise<JsonObject> {
    const answer = await this.#target.call(SERVICE, method, [request], this.#meta(step));
    return "error" in answer ? answer : { ok: toJson(answer.ok) };
  }

  #meta(step: Step): Meta {
    const credentials = step.as === null ? {} : (this.#sessions.get(step.as ?? "main") ?? {});
    const tx = step.tx === undefined ? undefined : this.#txs.get(step.tx);
    const extra = (this.#variables.fill(step.meta ?? {}) ?? {}) as Meta;
    return { ...credentials, ...(tx === undefined ? {} : { transactionid: tx }), ...extra };
  }

  #sqlRequest(step: Step): Message {
    const params = this.#variables.fill(step.params ?? {}) as JsonObject;
    return {
      sql: this.#variables.fill(step.sql ?? ""),
      params: Object.entries(params).map(([name, value]) => ({ name, value: sqlValueFromJson(value) })),
    };
  }

  #committed(tx: Message): JsonObject {
    const metadata = (tx["header"] as Message | undefined)?.["metadata"] as Message | undefined | null;
    const type = this.#target.schema.lookupType("immudb.schema.TxMetadata");
    return committedTxToJson(tx, metadata ? messageToJson(type, metadata) : undefined);
  }

  #bytes(text: string): Uint8Array {
    return Buffer.from(this.#variables.fill(text) as string);
  }
}

async function openSession(target: Target, { user, password }: Credentials, databaseName: string): Promise<Meta> {
  const request = { username: Buffer.from(user), password: Buffer.from(password), databaseName };
  const [opened] = mustAnswer(await target.call(SERVICE, "OpenSession", [request]));
  return { sessionid: opened?.["sessionID"] as string };
}

function mustAnswer(answer: Answer): readonly Message[] {
  if ("error" in answer) throw new Error(`the case could not be set up: ${JSON.stringify(answer.error)}`);
  return answer.ok;
}

/** Member of an answer by a path such as `txs[0].id`. */
function pick(json: Json, path: string): Json | undefined {
  let at: Json | undefined = json;
  for (const part of path.replace(/\[(\d+)\]/g, ".$1").split(".")) {
    at = (at as JsonObject | null | undefined)?.[part];
  }
  return at;
}
