// A batch: values, references and set members in one transaction. A step may lead to a key that another step of the batch
// writes; bound without a transaction, it leads to the value of that key in the batch's own transaction, whose id is known
// only when it is built.

import { toHex } from "../base/bytes.ts";
import { sortedSetKey } from "../proof/keys.ts";
import type { EntrySpec } from "../store/chain.ts";
import { StoreError } from "../store/errors.ts";
import type { Store } from "../store/store.ts";
import type { TxSpec } from "../store/tx-spec.ts";
import { DatabaseError } from "./errors.ts";
import { toStorePrecondition } from "./preconditions.ts";
import {
  LookedAt,
  memberEntry,
  referenceEntry,
  requireBinding,
  requireNamed,
  requireScore,
  valueEntry,
} from "./references.ts";
import type { ExecAllRequest, Operation, ReferenceTarget } from "./requests.ts";

type Step = Exclude<Operation, { readonly kind: "none" }>;

export function execAllSpec({ operations, preconditions, spool }: ExecAllRequest, store: Store, now: bigint): TxSpec {
  if (operations.length === 0) throw new DatabaseError("batch_empty", "a batch needs at least one step");
  const steps = operations.map(requireStep);
  const written = keysWritten(steps);
  const state = new LookedAt(store, now);
  for (const step of steps) {
    if (step.kind === "reference") state.requireNoValue(step.key);
    if (step.kind !== "set") requireTarget(step.target, written, state);
  }
  return {
    entries: steps.map((step) => entryOf(step, 0n)),
    entriesOfTx: (txId) => steps.map((step) => entryOf(step, txId)),
    preconditions: [...state.unchanged, ...preconditions.map(toStorePrecondition)],
    metadata: undefined,
    spool,
  };
}

/** Throws `operation_missing` for a step without content, IllegalArguments for one without a key. */
function requireStep(operation: Operation): Step {
  switch (operation.kind) {
    case "none":
      throw new DatabaseError("operation_missing", "a step says nothing to do");
    case "set":
      requireNamed(operation.entry.key);
      break;
    case "reference":
      requireNamed(operation.key, operation.target.key);
      break;
    case "member":
      requireNamed(operation.set, operation.target.key);
      requireScore(operation.score);
  }
  if (operation.kind !== "set" && !isOwn(operation.target)) requireBinding(operation.target);
  return operation;
}

/** The keys that the steps write, with what. Throws `batch_duplicate_key`, `batch_duplicate_member`. */
function keysWritten(steps: readonly Step[]): ReadonlyMap<string, "set" | "reference"> {
  const written = new Map<string, "set" | "reference">();
  const members = new Set<string>();
  for (const step of steps) {
    if (step.kind === "member") {
      const { set, score, target } = step;
      const member = `${toHex(sortedSetKey(set, score, target.key, target.atTx))}${isOwn(target) ? " own" : ""}`;
      if (members.has(member)) throw new DatabaseError("batch_duplicate_member", "a member is added twice");
      members.add(member);
      continue;
    }
    const key = step.kind === "set" ? step.entry.key : step.key;
    const name = toHex(key);
    if (written.has(name)) throw new DatabaseError("batch_duplicate_key", "a key is written twice", { key });
    written.set(name, step.kind);
  }
  return written;
}

function requireTarget(
  target: ReferenceTarget,
  written: ReadonlyMap<string, "set" | "reference">,
  state: LookedAt,
): void {
  const inBatch = target.atTx === 0n ? written.get(toHex(target.key)) : undefined;
  if (inBatch === "reference") {
    throw new DatabaseError("reference_to_reference", "what is referred to is a reference itself");
  }
  if (inBatch === "set") return;
  if (isOwn(target)) throw new StoreError("key_not_found", "the batch does not write the key that a step is bound to");
  state.requireTarget(target);
}

/** Whether it is bound to the transaction of the batch itself. */
function isOwn({ atTx, boundRef }: ReferenceTarget): boolean {
  return boundRef && atTx === 0n;
}

function entryOf(step: Step, txId: bigint): EntrySpec {
  if (step.kind === "set") return valueEntry(step.entry);
  const { target } = step;
  const atTx = isOwn(target) ? txId : target.atTx;
  return step.kind === "reference"
    ? referenceEntry(step.key, target.key, atTx)
    : memberEntry(step.set, step.score, target.key, atTx);
}
