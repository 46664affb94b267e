// An entry as text and as JSON. The text is a block that scripts written for other clients already read:
//
//   tx:       2
//   rev:      2                 left out when the answer does not tell the revision
//   key:      k1
//   metadata: {deleted:true}    only when there is any
//   value:    v2
//   verified: true              only for verified reads and writes

import { toHex } from "../base/bytes.ts";
import type { ProofReport } from "../client/verified.ts";
import type { Entry, KvMetadata } from "../proof/model.ts";
import { type Answer, bytesToJson, type Json, type Text } from "./output.ts";

/** Renders one entry. `valueOnly` leaves the value alone in text; JSON always says everything. */
export function entryAnswer(entry: Entry, proof: ProofReport | undefined, valueOnly = false): Answer {
  return {
    text: valueOnly ? [entry.value, "\n"] : entryBlock(entry, proof !== undefined),
    json: entryJson(entry, proof),
  };
}

function entryBlock(entry: Entry, verified: boolean): Text {
  const metadata = entry.metadata === undefined ? undefined : metadataText(entry.metadata);
  return [
    `tx:       ${entry.tx}\n`,
    ...(entry.revision > 0n ? [`rev:      ${entry.revision}\n`] : []),
    "key:      ",
    entry.key,
    "\n",
    ...(metadata ? [`metadata: {${metadata}}\n`] : []),
    "value:    ",
    entry.value,
    "\n",
    ...(verified ? ["verified: true\n"] : []),
  ];
}

function metadataText({ deleted, expiresAt, nonIndexable }: KvMetadata): string {
  const parts: string[] = [];
  if (deleted) parts.push("deleted:true");
  if (expiresAt !== undefined) parts.push(`expiresAt:${expiresAt}`);
  if (nonIndexable) parts.push("nonIndexable:true");
  return parts.join(",");
}

function entryJson(entry: Entry, proof: ProofReport | undefined): Json {
  const { tx, revision, key, value, metadata, referencedBy } = entry;
  return {
    tx: String(tx),
    ...(revision > 0n && { revision: String(revision) }),
    key: bytesToJson(key),
    value: bytesToJson(value),
    ...(metadata && { metadata: metadataJson(metadata) }),
    ...(referencedBy && {
      referencedBy: {
        tx: String(referencedBy.tx),
        key: bytesToJson(referencedBy.key),
        atTx: String(referencedBy.atTx),
      },
    }),
    verified: proof !== undefined,
    ...(proof && {
      proof: { checks: proof.checks, state: { txId: String(proof.state.txId), txHash: toHex(proof.state.txHash) } },
    }),
  };
}

function metadataJson({ deleted, expiresAt, nonIndexable }: KvMetadata): Json {
  return {
    ...(deleted && { deleted }),
    ...(expiresAt !== undefined && { expiresAt: String(expiresAt) }),
    ...(nonIndexable && { nonIndexable }),
  };
}
