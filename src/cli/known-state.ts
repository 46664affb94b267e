import { fromHex } from "../base/bytes.ts";
import { UsageError } from "./exit-codes.ts";

export interface KnownState {
  readonly txId: bigint;
  readonly alh: Uint8Array;
}

/** A state as a command line gives it: `TX:HASH`, the hash as 64 hexadecimal digits. Throws UsageError. */
export function parseKnownState(text: string): KnownState {
  const [, txId = "", hash = ""] = /^([1-9][0-9]{0,18}):([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (txId === "") {
    const next = "give the number of a transaction, a colon and the 64 hexadecimal digits of its hash";
    throw new UsageError(`'${text}' is not a state`, next);
  }
  return { txId: BigInt(txId), alh: fromHex(hash) };
}
