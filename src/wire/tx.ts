// Whole transactions: the header and the entries in whichever forms were asked for.

import { create } from "@bufbuild/protobuf";
import { TxSchema, type Tx as WireTx } from "../../gen/immudb/schema/tx_pb.ts";
import type { Tx } from "../proof/model.ts";
import { entryFromWire, entryToWire, txEntryFromWire, txEntryToWire, zEntryFromWire, zEntryToWire } from "./entries.ts";
import { checkKnown, required } from "./parts.ts";
import { txHeaderFromWire, txHeaderToWire } from "./tx-header.ts";

export function txToWire(tx: Tx): WireTx {
  return create(TxSchema, {
    header: txHeaderToWire(tx.header, { emptyMetadata: true }),
    entries: tx.entries.map(txEntryToWire),
    kvEntries: (tx.kvEntries ?? []).map(entryToWire),
    zEntries: (tx.zEntries ?? []).map(zEntryToWire),
  });
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
