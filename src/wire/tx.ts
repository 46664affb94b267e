// Whole transactions: the header and the entries in whichever forms were asked for.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TxSchema, Tx as WireTx } from "../../gen/immudb/schema/tx_pb.ts";
import type { Tx } from "../proof/model.ts";
import { ENCODED } from "./codec/encoder.ts";
import { entryFromWire, entryToWire, txEntryFromWire, txEntryToWire, zEntryFromWire, zEntryToWire } from "./entries.ts";
import { checkKnown, required } from "./parts.ts";
import { txHeaderFromWire, txHeaderToWire } from "./tx-header.ts";

type TxInit = Required<Pick<MessageInitShape<typeof TxSchema>, "header" | "entries" | "kvEntries" | "zEntries">>;

export function txToWire(tx: Tx): MessageInitShape<typeof TxSchema> {
  if (tx.entriesOnWire !== undefined) return new KeptTx(tx, tx.entriesOnWire);
  return { ...withoutEntries(tx), entries: tx.entries.map(txEntryToWire) };
}

function withoutEntries({ header, kvEntries = [], zEntries = [] }: Tx): Omit<TxInit, "entries"> {
  return {
    header: txHeaderToWire(header, { emptyMetadata: true }),
    kvEntries: kvEntries.map(entryToWire),
    zEntries: zEntries.map(zEntryToWire),
  };
}

/** Entries that are kept as messages are decoded only for whoever asks for more than their bytes. */
class KeptTx implements TxInit {
  readonly header: TxInit["header"];
  readonly kvEntries: TxInit["kvEntries"];
  readonly zEntries: TxInit["zEntries"];
  readonly [ENCODED]: { readonly entries: readonly Uint8Array[] };
  readonly #tx: Tx;

  constructor(tx: Tx, entriesOnWire: readonly Uint8Array[]) {
    const { header, kvEntries, zEntries } = withoutEntries(tx);
    this.header = header;
    this.kvEntries = kvEntries;
    this.zEntries = zEntries;
    this[ENCODED] = { entries: entriesOnWire };
    this.#tx = tx;
  }

  get entries(): TxInit["entries"] {
    return this.#tx.entries.map(txEntryToWire);
  }
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
