// The state that a server signs (wire spec §10): ECDSA on P-256 over SHA-256 of
//
//   u32 len(db) | db (UTF-8) | u64 txId | txHash (32)
//
// The signature is ASN.1 DER, with high or low s. It is checked against the key that the caller has configured; the key
// inside the message says which one the server used and is never a reason to trust it.

import { p256 } from "@noble/curves/nist.js";
import { concat, fromBase64, fromHex, startsWith, u32, u64, utf8 } from "../base/bytes.ts";
import { check, ProofError } from "./errors.ts";
import type { State } from "./model.ts";
import { sha256 } from "./sha256.ts";
import { checkDigest } from "./tree-hash.ts";

/** SubjectPublicKeyInfo (RFC 5480) of a P-256 key up to its uncompressed point of 65 bytes. */
const SPKI_P256_PREFIX: Uint8Array = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

const POINT_LENGTH = 65;

const PEM = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

/** The bytes that get signed. Throws `digest_malformed`. */
export function statePayload(state: Pick<State, "db" | "txId" | "txHash">): Uint8Array {
  checkDigest(state.txHash);
  const db = utf8(state.db);
  return concat(u32(db.length), db, u64(state.txId), state.txHash);
}

/**
 * Proves that the holder of `publicKey` (an uncompressed point, see `parsePublicKey`) signed the state, and returns the state.
 * Throws `signature_missing`, `signature_invalid`, `digest_malformed`.
 */
export function verifyStateSignature(state: State, publicKey: Uint8Array): State {
  const { signature, txId } = state;
  if (signature === undefined) throw new ProofError("signature_missing", "the state is not signed", { txId });
  const digest = sha256(statePayload(state));
  const signed = p256.verify(signature.signature, digest, publicKey, { prehash: false, lowS: false, format: "der" });
  check(signed, "signature_invalid", "the state is not signed with the configured key", { txId });
  return state;
}

/** The point, 65 bytes, of a P-256 public key in PEM (SPKI) form. Throws `public_key_malformed`. */
export function parsePublicKey(pem: string): Uint8Array {
  try {
    const [, body = ""] = PEM.exec(pem) ?? [];
    const der = fromBase64(body.replaceAll(/\s/g, ""));
    const isP256 = der.length === SPKI_P256_PREFIX.length + POINT_LENGTH && startsWith(der, SPKI_P256_PREFIX);
    if (!isP256) throw new RangeError("another kind of key");
    return p256.Point.fromBytes(der.subarray(SPKI_P256_PREFIX.length)).toBytes(false);
  } catch (cause) {
    throw new ProofError("public_key_malformed", "not a P-256 public key in PEM form", {}, cause);
  }
}
