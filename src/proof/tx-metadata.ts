// Attributes of a transaction as bytes (wire spec §4): one code byte each, ascending, only those present.
//
//   truncated up to tx  00 | u64 txId
//   extra               01 | u16 length | 1..256 bytes
//
// An `extra` of length zero is never written by anyone, but parses and is written back as it came, so that a foreign header
// keeps its hash.

import { EMPTY, viewOf } from "../base/bytes.ts";
import { TX_METADATA_EXTRA_LENGTH_MAX, TX_METADATA_LENGTH_MAX } from "../base/limits.ts";
import { check, ProofError } from "./errors.ts";
import type { TxMetadata } from "./model.ts";

const TRUNCATED_UPTO_TX = 0x00;
const EXTRA = 0x01;

/** 0 to 268 bytes. Throws `tx_metadata_malformed` for an `extra` longer than 256 bytes. */
export function encodeTxMetadata(metadata: TxMetadata | undefined): Uint8Array {
  if (metadata === undefined) return EMPTY;
  const { truncatedUptoTx, extra } = metadata;
  checkExtraLength(extra === undefined ? 0 : extra.length);
  const out = new Uint8Array((truncatedUptoTx === undefined ? 0 : 9) + (extra === undefined ? 0 : 3 + extra.length));
  let at = 0;
  if (truncatedUptoTx !== undefined) {
    out[0] = TRUNCATED_UPTO_TX;
    viewOf(out).setBigUint64(1, truncatedUptoTx);
    at = 9;
  }
  if (extra !== undefined) {
    out[at] = EXTRA;
    viewOf(out).setUint16(at + 1, extra.length);
    out.set(extra, at + 3);
  }
  return out;
}

/**
 * Reads attributes in any order; a repeated one counts as its last. Zero bytes are no metadata.
 * Throws `tx_metadata_malformed`.
 */
export function decodeTxMetadata(bytes: Uint8Array): TxMetadata | undefined {
  check(bytes.length <= TX_METADATA_LENGTH_MAX, "tx_metadata_malformed", "transaction metadata is too long");
  if (bytes.length === 0) return undefined;
  const view = viewOf(bytes);
  let truncatedUptoTx: bigint | undefined;
  let extra: Uint8Array | undefined;
  for (let at = 0; at < bytes.length; ) {
    switch (bytes[at++]) {
      case TRUNCATED_UPTO_TX:
        checkRemaining(bytes, at, 8);
        truncatedUptoTx = view.getBigUint64(at);
        at += 8;
        break;
      case EXTRA: {
        checkRemaining(bytes, at, 2);
        const length = view.getUint16(at);
        checkExtraLength(length);
        checkRemaining(bytes, at + 2, length);
        extra = bytes.slice(at + 2, at + 2 + length);
        at += 2 + length;
        break;
      }
      default:
        throw new ProofError("tx_metadata_malformed", "transaction metadata has an unknown attribute");
    }
  }
  return { truncatedUptoTx, extra };
}

function checkExtraLength(length: number): void {
  check(length <= TX_METADATA_EXTRA_LENGTH_MAX, "tx_metadata_malformed", "extra transaction metadata is too long");
}

function checkRemaining(bytes: Uint8Array, at: number, length: number): void {
  check(at + length <= bytes.length, "tx_metadata_malformed", "transaction metadata ends inside an attribute");
}
