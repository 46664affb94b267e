// Entries in their two forms: as a transaction lists them (TxEntry) and as a reader sees them (Entry, Reference, ZEntry).

import { create } from "@bufbuild/protobuf";
import {
  EntrySchema,
  ReferenceSchema,
  type Entry as WireEntry,
  type Reference as WireReference,
} from "../../gen/immudb/schema/kv_pb.ts";
import { type ZEntry as WireZEntry, ZEntrySchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import { TxEntrySchema, type TxEntry as WireTxEntry } from "../../gen/immudb/schema/tx_pb.ts";
import { EMPTY } from "../base/bytes.ts";
import type { Entry, Reference, TxEntry, ZEntry } from "../proof/model.ts";
import { WireError } from "./errors.ts";
import { kvMetadataFromWire, kvMetadataToWire } from "./metadata.ts";
import { checkKnown, digestFromWire, required } from "./parts.ts";

export function txEntryToWire(entry: TxEntry): WireTxEntry {
  const wire = create(TxEntrySchema, {
    key: entry.key,
    hValue: entry.hValue,
    vLen: entry.vLen,
    value: entry.value ?? EMPTY,
  });
  const metadata = kvMetadataToWire(entry.metadata);
  if (metadata !== undefined) wire.metadata = metadata;
  return wire;
}

/** An empty value reads as none: the wire does not tell them apart. */
export function txEntryFromWire(wire: WireTxEntry): TxEntry {
  checkKnown(wire, "entry");
  if (wire.vLen < 0)
    throw new WireError("number_out_of_range", "a value cannot have a negative length", { part: "entry.vLen" });
  return {
    key: wire.key,
    metadata: kvMetadataFromWire(wire.metadata),
    hValue: digestFromWire(wire.hValue, "entry.hValue"),
    vLen: wire.vLen,
    value: wire.value.length > 0 ? wire.value : undefined,
  };
}

export function entryToWire(entry: Entry): WireEntry {
  const wire = create(EntrySchema, {
    tx: entry.tx,
    key: entry.key,
    value: entry.value,
    expired: entry.expired,
    revision: entry.revision,
  });
  const metadata = kvMetadataToWire(entry.metadata);
  if (metadata !== undefined) wire.metadata = metadata;
  if (entry.referencedBy !== undefined) wire.referencedBy = referenceToWire(entry.referencedBy);
  return wire;
}

export function entryFromWire(message: WireEntry | undefined): Entry {
  const wire = required(message, "entry");
  checkKnown(wire, "entry");
  return {
    tx: wire.tx,
    key: wire.key,
    value: wire.value,
    metadata: kvMetadataFromWire(wire.metadata),
    expired: wire.expired,
    revision: wire.revision,
    referencedBy: wire.referencedBy === undefined ? undefined : referenceFromWire(wire.referencedBy),
  };
}

export function referenceToWire(reference: Reference): WireReference {
  const wire = create(ReferenceSchema, {
    tx: reference.tx,
    key: reference.key,
    atTx: reference.atTx,
    revision: reference.revision,
  });
  const metadata = kvMetadataToWire(reference.metadata);
  if (metadata !== undefined) wire.metadata = metadata;
  return wire;
}

export function referenceFromWire(wire: WireReference): Reference {
  checkKnown(wire, "reference");
  const { tx, key, atTx, revision } = wire;
  return { tx, key, atTx, metadata: kvMetadataFromWire(wire.metadata), revision };
}

export function zEntryToWire(entry: ZEntry): WireZEntry {
  const wire = create(ZEntrySchema, { set: entry.set, key: entry.key, score: entry.score, atTx: entry.atTx });
  if (entry.entry !== undefined) wire.entry = entryToWire(entry.entry);
  return wire;
}

export function zEntryFromWire(wire: WireZEntry): ZEntry {
  checkKnown(wire, "zEntry");
  const { set, key, score, atTx } = wire;
  return { set, key, entry: wire.entry === undefined ? undefined : entryFromWire(wire.entry), score, atTx };
}
