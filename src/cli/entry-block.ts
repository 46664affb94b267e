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
import { type Answer, bytesToJson, type Json, type Row, type Text } from "./output.ts";

/** Renders one entry that was read. */
export function entryAnswer(entry: Entry, proof?: ProofReport): Answer {
  return { ...writtenAnswer(entry, proof), values: [entry.value, "\n"] };
}

/** Renders one entry that was written: whoever wrote it knows the value, and is told the transaction in any case. */
export function writtenAnswer(entry: Entry, proof?: ProofReport): Answer {
  return {
    text: entryBlock(entry, proof !== undefined),
    json: { ...entryJson(entry), verified: proof !== undefined, ...proofJson(proof) },
    rows: [entryRow(entry, proof !== undefined)],
  };
}

/** What a verified answer says about its proof, beside its own fields. */
export function proofJson(proof: ProofReport | undefined): Readonly<Record<string, Json>> {
  if (proof === undefined) return {};
  const { checks, state } = proof;
  return { proof: { checks, state: { txId: String(state.txId), txHash: toHex(state.txHash) } } };
}

function entryRow({ tx, revision, key, metadata, value }: Entry, verified: boolean): Row {
  return {
    tx: String(tx),
    rev: revision > 0n ? String(revision) : "",
    key,
    metadata: metadata === undefined ? "" : metadataText(metadata),
    value,
    verified: String(verified),
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

export function metadataText({ deleted, expiresAt, nonIndexable }: KvMetadata): string {
  const parts: string[] = [];
  if (deleted) parts.push("deleted:true");
  if (expiresAt !== undefined) parts.push(`expiresAt:${expiresAt}`);
  if (nonIndexable) parts.push("nonIndexable:true");
  return parts.join(",");
}

function entryJson(entry: Entry): Readonly<Record<string, Json>> {
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
  };
}

export function metadataJson({ deleted, expiresAt, nonIndexable }: KvMetadata): Json {
  return {
    ...(deleted && { deleted }),
    ...(expiresAt !== undefined && { expiresAt: String(expiresAt) }),
    ...(nonIndexable && { nonIndexable }),
  };
}
