// Whole transactions: the header and the entries in whichever forms were asked for.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TxSchema, Tx as WireTx } from "../../gen/immudb/schema/tx_pb.ts";
import type { Tx } from "../proof/model.ts";
import { ENCODED } from "./codec/encoder.ts";
import { entryFromWire, entryToWire, txEntryFromWire, txEntryToWire, zEntryFromWire, zEntryToWire } from "./entries.ts";
import { checkKnown, required } from "./parts.ts";
import { txHeaderFromWire, txHeaderToWire } from "./tx-header.ts";

type TxInit = MessageInitShape<typeof TxSchema>;

export function txToWire(tx: Tx): TxInit {
  const { kvEntries = [], zEntries = [] } = tx;
  const rest = {
    header: txHeaderToWire(tx.header, { emptyMetadata: true }),
    kvEntries: kvEntries.map(entryToWire),
    zEntries: zEntries.map(zEntryToWire),
  };
  const kept = tx.entriesOnWire;
  if (kept === undefined) return { ...rest, entries: tx.entries.map(txEntryToWire) };
  // Decoded only for whoever asks for more than their bytes.
  const entries = { enumerable: true, get: () => tx.entries.map(txEntryToWire) };
  return Object.defineProperty({ ...rest, [ENCODED]: { entries: kept } }, "entries", entries);
}

/** Forms that were not asked for read as empty lists. */
export function txFromWire(message: WireTx | undefined): Tx {
  const wire = required(message, "tx");
  checkKnown(wire, "tx");
  return {
    header: txHeaderFromWire(wire.header, "tx.header"),
    entries: wire.entries.map(txEntryFromWire),
    kvEntries: wire.kvEntries.map(entryFromWire),
    zEntries: wire.zEntries.map(zEntryFromWire),
  };
}
