// What a restarted server says, held against the model: every transaction with its values, every key, the history of some,
// and the proofs that lead from what each client had seen to now.

import { createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction } from "../../gen/immudb/schema/tx_pb.ts";
import { utf8ToString } from "../../src/base/bytes.ts";
import type { ImmuClient } from "../../src/client/client.ts";
import { credentialHeaders } from "../../src/client/credentials.ts";
import { decodePlainKey, decodePlainValue } from "../../src/proof/keys.ts";
import type { Entry, TxEntry } from "../../src/proof/model.ts";
import { txFromWire } from "../../src/wire/tx.ts";
import type { Model, Pair, StoredTx } from "./model.ts";
import type { Access, Writer } from "./writer.ts";

const TXS_PER_CALL = 100;
const KEYS_PER_CALL = 200;
const HISTORY_ROWS_MAX = 2500;

/** Transactions `from` to `to` with keys and values, as stored. */
export async function readTransactions(access: Access, from: bigint, to: bigint): Promise<StoredTx[]> {
  const rpc = createClient(ImmuService, access.transport);
  const headers = credentialHeaders(access.credentials);
  const entriesSpec = { kvEntriesSpec: { action: EntryTypeAction.RAW_VALUE } };
  const stored: StoredTx[] = [];
  for (let initialTx = from; initialTx <= to; initialTx = from + BigInt(stored.length)) {
    const { txs } = await rpc.txScan({ initialTx, limit: TXS_PER_CALL, entriesSpec }, { headers });
    if (txs.length === 0)
      throw new Error(`the server says that it has transactions up to ${to}, and none from ${initialTx}`);
    for (const tx of txs.map(txFromWire)) stored.push({ header: tx.header, pairs: tx.entries.map(pairOf) });
  }
  return stored;
}

function pairOf({ key, value }: TxEntry): Pair {
  const decoded = decodePlainValue(value ?? new Uint8Array());
  if (decoded.kind !== "value") throw new Error("a reference, which nobody wrote");
  return { key: utf8ToString(decodePlainKey(key)), value: utf8ToString(decoded.value) };
}

/** Reads every key: value, transaction and revision must be those of its last version. Returns findings. */
export async function checkKeys(client: ImmuClient, model: Model, keys: readonly string[]): Promise<string[]> {
  const findings: string[] = [];
  for (let at = 0; at < keys.length; at += KEYS_PER_CALL) {
    const asked = keys.slice(at, at + KEYS_PER_CALL);
    const answered = new Map((await client.getAll(asked)).map((entry) => [utf8ToString(entry.key), entry]));
    for (const key of asked) findings.push(...checkLatest(key, answered.get(key), model));
  }
  const count = await client.count();
  if (count !== BigInt(model.keyCount)) findings.push(`the index has ${count} keys, the log ${model.keyCount}`);
  return findings;
}

function checkLatest(key: string, entry: Entry | undefined, model: Model): string[] {
  const versions = model.versions(key);
  const expected = versions.at(-1);
  if (entry === undefined) return [`${key} is in transaction ${expected?.txId}, and cannot be read`];
  const same =
    entry.tx === expected?.txId &&
    entry.revision === BigInt(versions.length) &&
    utf8ToString(entry.value) === expected.value;
  return same
    ? []
    : [`${key} reads as revision ${entry.revision} of ${entry.tx}, not ${versions.length} of ${expected?.txId}`];
}

/** Reads all revisions of each key. Returns findings. */
export async function checkHistories(client: ImmuClient, model: Model, keys: readonly string[]): Promise<string[]> {
  const findings: string[] = [];
  for (const key of keys) {
    const expected = model.versions(key).slice(-HISTORY_ROWS_MAX).reverse();
    const entries = await client.history(key, { desc: true, limit: HISTORY_ROWS_MAX });
    const same =
      entries.length === expected.length &&
      expected.every(({ txId, value }, i) => entries[i]?.tx === txId && utf8ToString(entries[i].value) === value);
    if (!same) findings.push(`the history of ${key} is not what the log says`);
  }
  return findings;
}

/**
 * Lets every verifying client read its last write with proof. A proof that does not verify throws. Returns how many were
 * proven from a state that the client had before.
 */
export async function proveStates(
  clients: readonly { readonly writer: Writer; readonly client: ImmuClient }[],
  model: Model,
): Promise<{ readonly proven: number; readonly findings: readonly string[] }> {
  let proven = 0;
  const findings: string[] = [];
  for (const { writer, client } of clients) {
    const key = writer.lastKey;
    if (!writer.verifies || key === undefined) continue;
    const { entry, proof } = await client.verifiedGet(key);
    if (proof.trusted !== undefined) proven++;
    findings.push(...checkLatest(key, entry, model));
  }
  return { proven, findings };
}
