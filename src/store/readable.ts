// When a version of a key has a value to read, and what a write may demand of one.

import type { KvMetadata } from "../proof/model.ts";
import { StoreError } from "./errors.ts";
import type { VersionRecord } from "./layout.ts";
import type { Precondition } from "./tx-spec.ts";

/** Whether a version can be read: not deleted, not expired. */
export function isReadable(version: VersionRecord | undefined, nowSeconds: bigint): version is VersionRecord {
  return version !== undefined && !version.metadata?.deleted && !isExpired(version.metadata, nowSeconds);
}

/** Whether the time that its writer set has come. */
export function isExpired(metadata: KvMetadata | undefined, nowSeconds: bigint): boolean {
  const expiresAt = metadata?.expiresAt;
  return expiresAt !== undefined && expiresAt <= nowSeconds;
}

/** Throws what a read of this version answers when there is nothing to read. */
export function requireReadable(version: VersionRecord | undefined, nowSeconds: bigint): VersionRecord {
  if (version === undefined || version.metadata?.deleted) throw new StoreError("key_not_found", "key not found");
  if (isExpired(version.metadata, nowSeconds)) throw new StoreError("key_expired", "the key has expired");
  return version;
}

/** Throws the refusal of a precondition that does not hold of the latest version of its key. */
export function checkPrecondition(
  precondition: Precondition,
  version: VersionRecord | undefined,
  nowSeconds: bigint,
): void {
  switch (precondition.kind) {
    case "key_must_exist":
      if (!isReadable(version, nowSeconds)) throw failed("KeyMustExist");
      return;
    case "key_must_not_exist":
      if (isReadable(version, nowSeconds)) throw failed("KeyMustNotExist");
      return;
    case "key_not_modified_after_tx":
      if (version !== undefined && version.txId > precondition.txId) throw failed("KeyNotModifiedAfterTxID");
      return;
    case "key_readable":
      requireReadable(version, nowSeconds);
      return;
    case "key_unchanged":
      if ((version?.txId ?? 0n) !== precondition.txId) throw new StoreError("state_changed", "a key has changed");
      return;
  }
}

function failed(precondition: string): StoreError {
  return new StoreError("precondition_failed", `precondition failed: ${precondition}`, { precondition });
}
