import { toHex } from "../../base/bytes.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Shows the state that the server claims for the database. */
export async function current(connection: Connection): Promise<Answer> {
  const state = await connection.run((client) => client.currentState());
  const { db, txId, txHash, precommittedTxId, precommittedTxHash, signature } = state;
  const rows = [
    `database:         ${db}`,
    `txID:             ${txId}`,
    `hash:             ${toHex(txHash)}`,
    `precommittedTxID: ${precommittedTxId}`,
    `precommittedHash: ${toHex(precommittedTxHash)}`,
  ];
  return {
    text: [txId === 0n ? `database '${db}' is empty\n` : rows.map((row) => `${row}\n`).join("")],
    json: {
      database: db,
      txId: String(txId),
      txHash: toHex(txHash),
      precommittedTxId: String(precommittedTxId),
      precommittedTxHash: toHex(precommittedTxHash),
      signed: signature !== undefined,
    },
  };
}
