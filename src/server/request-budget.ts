// From which budget a request takes what its body has, and how much at most.

import { PUBLIC_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import { isOfGrpc } from "../services/connect.ts";
import type { UnaryMethod } from "../services/unary.ts";
import { type BudgetedRequest, BudgetShare, type ByteBudget } from "./byte-budget.ts";
import type { DoorOptions } from "./doors.ts";

type Budgets = Pick<DoorOptions, "budget" | "publicBudget">;

/** Calls that need no login have a budget of their own. */
export function budgetOf({ budget, publicBudget }: Budgets, method: UnaryMethod | undefined): ByteBudget {
  return method?.isPublic ? publicBudget : budget;
}

/** The share of a request to this path. */
export function shareOf(door: DoorOptions, path: string, request: Omit<BudgetedRequest, "bytesMax">): BudgetShare {
  if (isOfGrpc(path)) return new BudgetShare(door.publicBudget, { ...request, bytesMax: PUBLIC_MESSAGE_BYTES_MAX });
  const method = door.unary.get(path);
  const bytesMax = method?.messageBytesMax ?? door.messageBytesMax;
  return new BudgetShare(budgetOf(door, method), { ...request, bytesMax });
}
