import { plainKey } from "../proof/keys.ts";
import { StoreError } from "../store/errors.ts";
import type { Precondition as StorePrecondition } from "../store/tx-spec.ts";
import type { Precondition } from "./requests.ts";

/** A caller's precondition as the store checks it. Throws `precondition_invalid`. */
export function toStorePrecondition(precondition: Precondition): StorePrecondition {
  if (precondition.kind === "null") throw invalid("null");
  if (precondition.key.length === 0) throw invalid("null_key");
  if (precondition.kind === "key_not_modified_after_tx" && precondition.txId === 0n) throw invalid("invalid_tx");
  return { ...precondition, key: plainKey(precondition.key) };
}

function invalid(reason: string): StoreError {
  return new StoreError("precondition_invalid", `invalid precondition: ${reason}`, { reason });
}
