// Transaction headers. On the wire, a header that was read together with its transaction carries a metadata message even when
// there is no metadata; a header read alone leaves it out. Both hash alike, and clients may compare the bytes.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TxHeaderSchema, TxHeader as WireTxHeader } from "../../gen/immudb/schema/tx_pb.ts";
import type { TxHeader } from "../proof/model.ts";
import { checkTxHeader } from "../proof/tx-header.ts";
import { WireError } from "./errors.ts";
import { txMetadataFromWire, txMetadataToWire } from "./metadata.ts";
import { checkKnown, digestFromWire, required } from "./parts.ts";

const INT32_MAX = 0x7fff_ffff;

export interface TxHeaderToWireOptions {
  /** Write an empty metadata message when there is no metadata: the header was read with its transaction. */
  readonly emptyMetadata: boolean;
}

const NO_METADATA = {};

/** Throws `not_representable` for more entries than the message can count. */
export function txHeaderToWire(
  header: TxHeader,
  options: TxHeaderToWireOptions,
): MessageInitShape<typeof TxHeaderSchema> {
  if (header.nentries > INT32_MAX) {
    throw new WireError("not_representable", "the message cannot count so many entries", { part: "nentries" });
  }
  return {
    id: header.id,
    prevAlh: header.prevAlh,
    ts: header.ts,
    nentries: header.nentries,
    eH: header.eh,
    blTxId: header.blTxId,
    blRoot: header.blRoot,
    version: header.version,
    metadata: txMetadataToWire(header.metadata) ?? (options.emptyMetadata ? NO_METADATA : undefined),
  };
}

/** Throws WireError, and ProofError for a header whose hash would not cover it (see `checkTxHeader`). */
export function txHeaderFromWire(message: WireTxHeader | undefined, part = "header"): TxHeader {
  const wire = required(message, part);
  checkKnown(wire, part);
  const header: TxHeader = {
    id: wire.id,
    prevAlh: digestFromWire(wire.prevAlh, `${part}.prevAlh`),
    ts: wire.ts,
    version: wire.version,
    metadata: txMetadataFromWire(wire.metadata),
    nentries: wire.nentries,
    eh: digestFromWire(wire.eH, `${part}.eH`),
    blTxId: wire.blTxId,
    blRoot: digestFromWire(wire.blRoot, `${part}.blRoot`),
  };
  checkTxHeader(header);
  if (header.blTxId >= header.id) {
    const data = { part: `${part}.blTxId`, id: header.id, blTxId: header.blTxId };
    throw new WireError("number_out_of_range", `${part} commits to a history that would hold itself`, data);
  }
  return header;
}
