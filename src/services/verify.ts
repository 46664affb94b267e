// Verification of a whole database, told step by step.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ReportSchema,
  Stage,
  type VerifyDatabaseRequest,
  type VerifyDatabaseResponseSchema,
  type VerifyService,
} from "../../gen/immudb/verify/v1/verify_pb.ts";
import { fromHex } from "../base/bytes.ts";
import { VERIFICATIONS_MAX } from "../base/limits.ts";
import { DatabaseError } from "../database/errors.ts";
import type { StorePoint, VerifyLive, VerifyProgress, VerifyReport, VerifyStage } from "../database/verification.ts";
import { digestFromWire } from "../wire/parts.ts";
import { stateToWire } from "../wire/state.ts";
import { ServiceError } from "./errors.ts";
import type { Handlers } from "./handlers.ts";
import type { Room } from "./pipeline.ts";
import type { SignState } from "./verifiable.ts";

type Response = MessageInitShape<typeof VerifyDatabaseResponseSchema>;

export function verifyHandlers(room: Room, sign: SignState): Handlers<typeof VerifyService> {
  const { verify } = room;
  if (verify === undefined) return {};
  let running = 0;
  return {
    async *verifyDatabase(request, ctx) {
      if (running >= VERIFICATIONS_MAX)
        throw new ServiceError("verifications_running", "too many verifications", { limit: VERIFICATIONS_MAX });
      running++;
      try {
        yield* verified(verify, room, sign, request, ctx.signal);
      } finally {
        running--;
      }
    },
  };
}

/** The database stays open until the work has ended, and what the server itself knows of it must be found in it. */
async function* verified(
  verify: VerifyLive,
  room: Room,
  sign: SignState,
  request: VerifyDatabaseRequest,
  signal: AbortSignal,
): AsyncGenerator<Response> {
  const name = request.database.toLowerCase();
  const known = request.knownStates.map(({ txId, txHash }): StorePoint => {
    return { txId, alh: digestFromWire(txHash, "known_states.tx_hash") };
  });
  const database = await openIfItCan(room, name);
  try {
    if (database !== undefined) {
      const { txId, txHash } = database.state();
      known.push({ txId, alh: txHash });
    }
    for await (const step of verify(name, known, signal)) {
      yield step.kind === "progress"
        ? { step: { case: "progress", value: progressToWire(step.progress) } }
        : { step: { case: "report", value: reportToWire(step.report, sign) } };
    }
  } finally {
    if (database !== undefined) room.databases.release(database);
  }
}

/** One that is not loaded, or out of service, is verified too: that may be why. */
async function openIfItCan(room: Room, name: string) {
  try {
    return await room.databases.acquire(name);
  } catch (error) {
    if (error instanceof DatabaseError && UNOPENED.includes(error.code)) return undefined;
    throw error;
  }
}

const UNOPENED: readonly string[] = ["database_unloaded", "database_quarantined", "database_unavailable"];

const STAGES: Readonly<Record<VerifyStage, Stage>> = { pages: Stage.PAGES, log: Stage.LOG, index: Stage.INDEX };

function progressToWire({ stage, done, total }: VerifyProgress) {
  return { stage: STAGES[stage], done: BigInt(done), total: BigInt(total) };
}

function reportToWire(report: VerifyReport, sign: SignState): MessageInitShape<typeof ReportSchema> {
  const { database: db, txId, alh: txHash, covered, notCovered, findings, findingCount } = report;
  const state = { db, txId, txHash };
  return {
    state: stateToWire({ ...state, signature: findingCount === 0 ? sign?.(state) : undefined }),
    covered: Object.fromEntries(Object.entries(covered).map(([what, count]) => [what, BigInt(count)])),
    notCovered: [...notCovered],
    findings: findings.map((finding) => ({
      class: finding.class,
      what: finding.what,
      ...(finding.txId !== undefined && { txId: finding.txId }),
      ...(finding.key !== undefined && { key: fromHex(finding.key) }),
    })),
    findingCount: BigInt(findingCount),
  };
}
