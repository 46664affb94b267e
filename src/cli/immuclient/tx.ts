// A transaction as the log holds it. The text says what it is; JSON and table list its entries as well.

import { equalBytes, toHex } from "../../base/bytes.ts";
import { VerificationError } from "../../client/errors.ts";
import type { ProofReport } from "../../client/verified.ts";
import {
  decodeSortedSetKey,
  KEY_PREFIX_DOCUMENT,
  KEY_PREFIX_PLAIN,
  KEY_PREFIX_SORTED_SET,
  KEY_PREFIX_SQL,
} from "../../proof/keys.ts";
import type { Tx, TxEntry } from "../../proof/model.ts";
import { alh } from "../../proof/tx-header.ts";
import { metadataJson, metadataText, proofJson } from "../entry-block.ts";
import { parseKnownState } from "../known-state.ts";
import { type Answer, bytesToJson, type Json, type Row } from "../output.ts";
import type { Connection } from "./connection.ts";
import { tabbed } from "./tabbed.ts";

/** Shows a transaction, unverified. */
export async function tx(connection: Connection, id: bigint): Promise<Answer> {
  return txAnswer(await connection.run((client) => client.txById(id)));
}

/** Shows a transaction and verifies that the history holds it, with exactly these entries. */
export async function safetx(connection: Connection, id: bigint): Promise<Answer> {
  const { tx: found, proof } = await connection.run((client) => client.verifiedTxById(id));
  return txAnswer(found, proof);
}

/** Verifies that the history holds a transaction with this hash: one that was written down when it was the latest. */
export async function checkConsistency(connection: Connection, id: string, hash: string): Promise<Answer> {
  const known = parseKnownState(`${id}:${hash}`);
  const { tx: found, proof } = await connection.run(async (client) => {
    const answer = await client.verifiedTxById(known.txId);
    const txHash = alh(answer.tx.header);
    if (equalBytes(txHash, known.alh)) return answer;
    throw new VerificationError({
      check: "source_alh",
      reason: "the transaction has another hash than the one given",
      server: connection.address,
      database: client.database,
      trusted: { txId: known.txId, txHash: known.alh },
      offered: { txId: known.txId, txHash },
    });
  });
  return txAnswer(found, proof);
}

function txAnswer({ header, entries }: Tx, proof?: ProofReport): Answer {
  const { id, ts, nentries, eh, prevAlh, blTxId, blRoot, version } = header;
  const time = new Date(Number(ts) * 1000).toISOString();
  const hash = toHex(alh(header));
  const verified = proof !== undefined;
  return {
    text: tabbed({ tx: String(id), time, entries: String(nentries), hash, verified: String(verified) }),
    json: {
      tx: String(id),
      time,
      hash,
      header: {
        version,
        prevAlh: toHex(prevAlh),
        entriesHash: toHex(eh),
        blTxId: String(blTxId),
        blRoot: toHex(blRoot),
      },
      entries: entries.map(entryJson),
      verified,
      ...proofJson(proof),
    },
    rows: entries.map(entryRow),
  };
}

const KINDS: Readonly<Record<number, string>> = {
  [KEY_PREFIX_PLAIN]: "key",
  [KEY_PREFIX_SORTED_SET]: "member",
  [KEY_PREFIX_SQL]: "sql",
  [KEY_PREFIX_DOCUMENT]: "document",
};

function entryJson({ key, metadata, hValue, vLen }: TxEntry): Json {
  const kind = KINDS[key[0] ?? -1] ?? "unknown";
  return {
    kind,
    ...(kind === "member" ? memberJson(key) : { key: bytesToJson(key.subarray(1)) }),
    ...(metadata && { metadata: metadataJson(metadata) }),
    valueHash: toHex(hValue),
    // Of the value as it is stored, which has one byte more than what was written.
    storedLength: vLen,
  };
}

function memberJson(storeKey: Uint8Array): Readonly<Record<string, Json>> {
  const { set, score, key, atTx } = decodeSortedSetKey(storeKey);
  return { set: bytesToJson(set), score, key: bytesToJson(key), atTx: String(atTx) };
}

function entryRow({ key, metadata, hValue, vLen }: TxEntry): Row {
  return {
    kind: KINDS[key[0] ?? -1] ?? "unknown",
    key: key.subarray(1),
    metadata: metadata === undefined ? "" : metadataText(metadata),
    "hash of value": toHex(hValue),
    "stored length": String(vLen),
  };
}
