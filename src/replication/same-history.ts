// Before a replica takes anything, and whenever it has connected anew: is what it has a part of what the primary has? Asked by
// the last committed transaction, and by the last written one, whose hashes stand for all before them.

import { equalBytes } from "../base/bytes.ts";
import type { TxPoint } from "../client/errors.ts";
import { decodeExportedTx } from "../proof/exported-tx.ts";
import { alh } from "../proof/tx-header.ts";
import { ReplicationError } from "./errors.ts";
import type { LocalState } from "./local.ts";
import type { Primary } from "./primary.ts";

/**
 * Throws ReplicationError `commit_diverged` or `precommit_diverged`. Resolves with the last transaction that the primary says
 * it has committed; undefined when nothing had to be asked.
 */
export async function requireSameHistory(
  primary: Primary,
  { committed, precommitted }: LocalState,
  allowPrecommitted: boolean,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  const check = (code: "commit_diverged" | "precommit_diverged", point: TxPoint) =>
    requireShared(primary, code, point, allowPrecommitted, signal);
  let known = await check("commit_diverged", committed);
  if (precommitted.txId > committed.txId) known = await check("precommit_diverged", precommitted);
  return known;
}

async function requireShared(
  primary: Primary,
  code: "commit_diverged" | "precommit_diverged",
  { txId, txHash }: TxPoint,
  allowPrecommitted: boolean,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  if (txId === 0n) return undefined;
  const request = { tx: txId, allowPrecommitted, skipIntegrityCheck: false, replica: undefined };
  const { blob, committedTxId } = await primary.export(request, { signal });
  if (blob === undefined) {
    throw new ReplicationError(code, `the primary has no transaction ${txId}, and this database has`, { txId });
  }
  const { header } = decodeExportedTx(blob);
  if (header.id !== txId || !equalBytes(alh(header), txHash)) {
    throw new ReplicationError(code, `transaction ${txId} of the primary is another one than that of this database`, {
      txId,
    });
  }
  return committedTxId;
}
