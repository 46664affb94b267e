// Metadata of entries and transactions. Metadata without attributes is the same as none: both hash alike.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { KVMetadata, KVMetadataSchema } from "../../gen/immudb/schema/kv_pb.ts";
import type { TxMetadataSchema, TxMetadata as WireTxMetadata } from "../../gen/immudb/schema/tx_pb.ts";
import { EMPTY } from "../base/bytes.ts";
import type { KvMetadata, TxMetadata } from "../proof/model.ts";
import { WireError } from "./errors.ts";
import { checkKnown } from "./parts.ts";

export function kvMetadataToWire(
  metadata: KvMetadata | undefined,
): MessageInitShape<typeof KVMetadataSchema> | undefined {
  if (metadata === undefined) return undefined;
  const { deleted, expiresAt, nonIndexable } = metadata;
  if (!deleted && expiresAt === undefined && !nonIndexable) return undefined;
  // Presence counts, not the value: an entry that expires at 0 has expired.
  return { deleted, expiration: expiresAt === undefined ? undefined : { expiresAt }, nonIndexable };
}

/** Throws `field_unknown`. */
export function kvMetadataFromWire(wire: KVMetadata | undefined): KvMetadata | undefined {
  if (wire === undefined) return undefined;
  checkKnown(wire, "metadata");
  const { deleted, expiration, nonIndexable } = wire;
  if (expiration !== undefined) checkKnown(expiration, "metadata.expiration");
  if (!deleted && expiration === undefined && !nonIndexable) return undefined;
  return { deleted, expiresAt: expiration?.expiresAt, nonIndexable };
}

/** Throws `not_representable` for attributes that would be gone on the other side, and with them the hash. */
export function txMetadataToWire(
  metadata: TxMetadata | undefined,
): MessageInitShape<typeof TxMetadataSchema> | undefined {
  if (metadata === undefined) return undefined;
  const { truncatedUptoTx, extra } = metadata;
  if (truncatedUptoTx === undefined && extra === undefined) return undefined;
  if (truncatedUptoTx === 0n || extra?.length === 0) {
    throw new WireError("not_representable", "transaction metadata would read back different", { part: "metadata" });
  }
  return { truncatedTxID: truncatedUptoTx ?? 0n, extra: extra ?? EMPTY };
}

/** Throws `field_unknown`. */
export function txMetadataFromWire(wire: WireTxMetadata | undefined): TxMetadata | undefined {
  if (wire === undefined) return undefined;
  checkKnown(wire, "metadata");
  const truncatedUptoTx = wire.truncatedTxID > 0n ? wire.truncatedTxID : undefined;
  const extra = wire.extra.length > 0 ? wire.extra : undefined;
  return truncatedUptoTx === undefined && extra === undefined ? undefined : { truncatedUptoTx, extra };
}
