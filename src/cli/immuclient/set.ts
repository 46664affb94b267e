import { utf8 } from "../../base/bytes.ts";
import type { ImmuClient } from "../../client/client.ts";
import type { ProofReport } from "../../client/verified.ts";
import type { KvMetadata } from "../../proof/model.ts";
import { writtenAnswer } from "../entry-block.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Writes a value, unverified. */
export function set(connection: Connection, key: string, value: Uint8Array): Promise<Answer> {
  return connection.run(async (client) => {
    const { id } = await client.set(key, value);
    return written(client, { tx: id, key, value });
  });
}

/** Writes a value and verifies that the server committed it. */
export function safeset(connection: Connection, key: string, value: Uint8Array): Promise<Answer> {
  return connection.run(async (client) => {
    const { header, proof } = await client.verifiedSet(key, value);
    return written(client, { tx: header.id, key, value }, proof);
  });
}

interface Write {
  readonly tx: bigint;
  readonly key: string;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

/** What was written, with its revision when that can be told. */
export async function written(client: ImmuClient, write: Write, proof?: ProofReport): Promise<Answer> {
  const { tx, key, value, metadata } = write;
  const revision = await revisionOf(client, key, tx);
  return writtenAnswer(
    { tx, key: utf8(key), value, metadata, expired: false, revision, referencedBy: undefined },
    proof,
  );
}

/** Answers to writes do not tell the revision; a read does, unless somebody has written since. The write stands either way. */
async function revisionOf(client: ImmuClient, key: string, tx: bigint): Promise<bigint> {
  try {
    const entry = await client.get(key, { sinceTx: tx });
    const latest = entry.referencedBy ?? entry;
    return latest.tx === tx ? latest.revision : 0n;
  } catch {
    return 0n;
  }
}
