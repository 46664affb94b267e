import { utf8 } from "../../base/bytes.ts";
import type { ImmuClient } from "../../client/client.ts";
import type { ProofReport } from "../../client/verified.ts";
import { entryAnswer } from "../entry-block.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Writes a value, unverified. */
export function set(connection: Connection, key: string, value: Uint8Array): Promise<Answer> {
  return connection.run(async (client) => {
    const { id } = await client.set(key, value);
    return written(client, key, value, id, undefined);
  });
}

/** Writes a value and verifies that the server committed it. */
export function safeset(connection: Connection, key: string, value: Uint8Array): Promise<Answer> {
  return connection.run(async (client) => {
    const { header, proof } = await client.verifiedSet(key, value);
    return written(client, key, value, header.id, proof);
  });
}

/** What was written, with its revision when that can be told. */
async function written(
  client: ImmuClient,
  key: string,
  value: Uint8Array,
  tx: bigint,
  proof: ProofReport | undefined,
): Promise<Answer> {
  const revision = await revisionOf(client, key, tx);
  return entryAnswer(
    { tx, key: utf8(key), value, metadata: undefined, expired: false, revision, referencedBy: undefined },
    proof,
  );
}

/** Answers to writes do not tell the revision; a read does, unless somebody has written since. The write stands either way. */
async function revisionOf(client: ImmuClient, key: string, tx: bigint): Promise<bigint> {
  try {
    const latest = await client.get(key, { sinceTx: tx });
    return latest.tx === tx ? latest.revision : 0n;
  } catch {
    return 0n;
  }
}
