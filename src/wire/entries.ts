// Entries in their two forms: as a transaction lists them (TxEntry) and as a reader sees them (Entry, Reference, ZEntry). On the
// way out an entry without metadata is its own message: the fields have the same names, and encoders ask for no more.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  EntrySchema,
  ReferenceSchema,
  Entry as WireEntry,
  Reference as WireReference,
} from "../../gen/immudb/schema/kv_pb.ts";
import type { ZEntry as WireZEntry, ZEntrySchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import type { TxEntrySchema, TxEntry as WireTxEntry } from "../../gen/immudb/schema/tx_pb.ts";
import type { Entry, Reference, TxEntry, ZEntry } from "../proof/model.ts";
import { WireError } from "./errors.ts";
import { kvMetadataFromWire, kvMetadataToWire } from "./metadata.ts";
import { checkKnown, digestFromWire, required } from "./parts.ts";

export function txEntryToWire(entry: TxEntry): MessageInitShape<typeof TxEntrySchema> {
  const wire = entry.metadata === undefined ? entry : { ...entry, metadata: kvMetadataToWire(entry.metadata) };
  // A value that is undefined counts as absent, which the type does not say of bytes.
  return wire as MessageInitShape<typeof TxEntrySchema>;
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

export function entryToWire(entry: Entry): MessageInitShape<typeof EntrySchema> {
  const { metadata, referencedBy } = entry;
  if (metadata === undefined && referencedBy === undefined) return entry;
  return {
    ...entry,
    metadata: kvMetadataToWire(metadata),
    referencedBy: referencedBy === undefined ? undefined : referenceToWire(referencedBy),
  };
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

export function referenceToWire(reference: Reference): MessageInitShape<typeof ReferenceSchema> {
  return { ...reference, metadata: kvMetadataToWire(reference.metadata) };
}

export function referenceFromWire(wire: WireReference): Reference {
  checkKnown(wire, "reference");
  const { tx, key, atTx, revision } = wire;
  return { tx, key, atTx, metadata: kvMetadataFromWire(wire.metadata), revision };
}

export function zEntryToWire(member: ZEntry): MessageInitShape<typeof ZEntrySchema> {
  return { ...member, entry: member.entry === undefined ? undefined : entryToWire(member.entry) };
}

export function zEntryFromWire(wire: WireZEntry): ZEntry {
  checkKnown(wire, "zEntry");
  const { set, key, score, atTx } = wire;
  return { set, key, entry: wire.entry === undefined ? undefined : entryFromWire(wire.entry), score, atTx };
}
