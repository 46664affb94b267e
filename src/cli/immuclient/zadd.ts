import { toHex, utf8 } from "../../base/bytes.ts";
import type { BindOptions } from "../../client/requests.ts";
import type { ProofReport } from "../../client/verified.ts";
import type { TxHeader } from "../../proof/model.ts";
import { proofJson } from "../entry-block.ts";
import { type Answer, bytesToJson } from "../output.ts";
import type { Connection } from "./connection.ts";
import { tabbed } from "./tabbed.ts";

/** A key in a sorted set. */
export interface Member extends BindOptions {
  readonly set: string;
  readonly score: number;
  readonly key: string;
}

/** Adds a key to a sorted set, unverified. */
export async function zadd(connection: Connection, member: Member): Promise<Answer> {
  const { set, score, key } = member;
  return added(member, await connection.run((client) => client.zAdd(set, score, key, member)));
}

/** Adds a key to a sorted set and verifies that the server committed it. */
export async function safezadd(connection: Connection, member: Member): Promise<Answer> {
  const { set, score, key } = member;
  const { header, proof } = await connection.run((client) => client.verifiedZAdd(set, score, key, member));
  return added(member, header, proof);
}

function added({ set, score, key }: Member, { id, eh }: TxHeader, proof?: ProofReport): Answer {
  const verified = proof !== undefined;
  const entriesHash = toHex(eh);
  return {
    text: tabbed({
      tx: String(id),
      set: utf8(set),
      "referenced key": utf8(key),
      score: score.toFixed(6),
      hash: entriesHash,
      verified: String(verified),
    }),
    json: {
      tx: String(id),
      set: bytesToJson(utf8(set)),
      key: bytesToJson(utf8(key)),
      score,
      entriesHash,
      verified,
      ...proofJson(proof),
    },
  };
}
