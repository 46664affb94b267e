// From which budget a request takes what its body has, and how much at most.

import { PUBLIC_MESSAGE_BYTES_MAX, STREAM_SHARE_BYTES_MAX, WHOLE_CHUNK_BYTES_MAX } from "../base/limits.ts";
import { isOfGrpc } from "../services/connect.ts";
import type { UnaryMethod } from "../services/unary.ts";
import { type BudgetedRequest, BudgetShare, type ByteBudget } from "./byte-budget.ts";
import { splitChunks } from "./chunk-splitter.ts";
import type { DoorOptions } from "./doors.ts";

/** Messages in protobuf form, each in an envelope. */
const ENVELOPED = /^application\/(?:grpc(?:-web)?(?:\+proto)?|connect\+proto)$/i;

type Budgets = Pick<DoorOptions, "budget" | "publicBudget">;

/** Calls that need no login have a budget of their own. */
export function budgetOf({ budget, publicBudget }: Budgets, method: UnaryMethod | undefined): ByteBudget {
  return method?.isPublic ? publicBudget : budget;
}

/** The share of a request to this path. */
export function shareOf(door: DoorOptions, path: string, request: Omit<BudgetedRequest, "bytesMax">): BudgetShare {
  if (isOfGrpc(path)) return new BudgetShare(door.publicBudget, { ...request, bytesMax: PUBLIC_MESSAGE_BYTES_MAX });
  if (door.requestStreams.has(path))
    return new BudgetShare(door.budget, {
      contentLength: undefined,
      isGrpc: false,
      bytesMax: STREAM_SHARE_BYTES_MAX,
    });
  const method = door.unary.get(path);
  const bytesMax = method?.messageBytesMax ?? door.messageBytesMax;
  return new BudgetShare(budgetOf(door, method), { ...request, bytesMax });
}

/**
 * The body of a request as it is to be read: of a stream of chunks long ones are split, so that nobody keeps one as a whole. What
 * cannot be split (compressed, or in JSON) takes its own share.
 */
export function splitBody(
  door: Pick<DoorOptions, "requestStreams" | "messageBytesMax">,
  path: string,
  contentType: string | undefined,
  body: AsyncIterable<Uint8Array>,
  share: BudgetShare,
): AsyncIterable<Uint8Array> {
  const kind = door.requestStreams.get(path);
  if (kind === undefined) return body;
  const { messageBytesMax } = door;
  const onWhole = (bytes: number): void => share.takeWhole(bytes);
  const splits = kind === "chunks" && ENVELOPED.test(contentType ?? "");
  return splitChunks(body, { splits, wholeBytesMax: WHOLE_CHUNK_BYTES_MAX, messageBytesMax, onWhole });
}
