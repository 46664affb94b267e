// immuadmin verify: a database that a server is using. The server does the reading; what this client knows by itself is the
// state that it trusts, which must be part of the history, and the key that the server's states are signed with.

import { createClient } from "@connectrpc/connect";
import { type Report, Stage, VerifyService } from "../../../gen/immudb/verify/v1/verify_pb.ts";
import { toHex } from "../../base/bytes.ts";
import type { ImmuClient } from "../../client/client.ts";
import { credentialHeaders } from "../../client/credentials.ts";
import { asVerificationError } from "../../client/errors.ts";
import { FileStateStore } from "../../client/node.ts";
import type { State } from "../../proof/model.ts";
import { parsePublicKey, verifyStateSignature } from "../../proof/signed-state.ts";
import { required } from "../../wire/parts.ts";
import { stateFromWire } from "../../wire/state.ts";
import { EXIT } from "../exit-codes.ts";
import type { Answer } from "../output.ts";
import { Progress } from "../progress.ts";
import { progressLabel, type ReportView, reportJson, reportText } from "../verify-report.ts";
import type { AdminConnection } from "./calls.ts";

const STAGES: Readonly<Record<Stage, string>> = {
  [Stage.UNSPECIFIED]: "",
  [Stage.PAGES]: "pages",
  [Stage.LOG]: "log",
  [Stage.INDEX]: "index",
};

export async function verify(connection: AdminConnection): Promise<Answer> {
  return connection.run(async (client) => {
    const startedMs = performance.now();
    const database = connection.options.database?.toLowerCase() ?? client.database;
    const trusted = await new FileStateStore().exclusively(connection.address, database, (slot) => slot.state());
    const report = await reportOf(connection, client, database, trusted);
    const state = await signedState(connection, database, report);
    return answerOf(viewOf(report, state), trusted, performance.now() - startedMs);
  });
}

/** Shows how far the server is. Gives up when it has not said anything for as long as an answer may take. */
async function reportOf(
  { options, transport }: AdminConnection,
  client: ImmuClient,
  database: string,
  trusted: State | undefined,
): Promise<Report> {
  const rpc = createClient(VerifyService, transport);
  const silent = new AbortController();
  const giveUp = (): void => silent.abort();
  let patience = setTimeout(giveUp, options.timeout * 1000);
  const progress = new Progress(process.stderr);
  const request = { database, knownStates: trusted === undefined ? [] : [trusted] };
  try {
    const call = { headers: credentialHeaders(client.credentials), signal: silent.signal };
    for await (const { step } of rpc.verifyDatabase(request, call)) {
      clearTimeout(patience);
      patience = setTimeout(giveUp, options.timeout * 1000);
      if (step.case === "report") return step.value;
      if (step.case !== "progress") continue;
      const { stage, done, total } = step.value;
      progress.show(progressLabel(database, STAGES[stage] ?? "", done, total), done, total);
    }
  } catch (error) {
    if (!silent.signal.aborted) throw error;
    throw new Error(`the server has not said anything for ${options.timeout} s`, { cause: error });
  } finally {
    clearTimeout(patience);
    progress.end();
  }
  throw new Error("the server ended the verification without a report");
}

/** The state that was verified. With a key, a history that was found whole must be signed with it. */
async function signedState(connection: AdminConnection, database: string, report: Report): Promise<State> {
  const key = await connection.serverKey();
  try {
    const state = stateFromWire(required(report.state, "report.state"));
    return key === undefined || report.findingCount > 0n ? state : verifyStateSignature(state, parsePublicKey(key));
  } catch (error) {
    const where = { server: connection.address, database, trusted: undefined, offered: report.state };
    throw asVerificationError(error, where);
  }
}

function viewOf(report: Report, state: State): ReportView {
  const { covered, notCovered, findings, findingCount } = report;
  if (covered === undefined) throw new Error("the server's report does not say what it covers");
  const { $typeName: _name, $unknown: _unknown, ...counts } = covered;
  return {
    database: state.db,
    txId: state.txId,
    alh: state.txHash,
    covered: counts,
    notCovered,
    findings: findings.map(({ class: kind, txId, key, what }) => ({
      class: kind,
      what,
      ...(txId > 0n && { txId }),
      ...(key.length > 0 && { key: toHex(key) }),
    })),
    findingCount,
  };
}

function answerOf(report: ReportView, trusted: State | undefined, durationMs: number): Answer {
  const whole = Number(report.findingCount) === 0;
  const known =
    trusted === undefined
      ? "no state: this client trusts none yet"
      : `transaction ${trusted.txId}, which this client trusts`;
  return {
    text: [reportText(report, durationMs), `  compared with   ${known}\n`],
    json: {
      ...(reportJson(report, durationMs) as Record<string, never>),
      trusted: trusted === undefined ? null : { txId: String(trusted.txId), txHash: toHex(trusted.txHash) },
    },
    exit: whole ? EXIT.ok : EXIT.verification,
  };
}
