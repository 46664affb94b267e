import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, test } from "node:test";
import { p256 } from "@noble/curves/nist.js";
import { fromBase64, toBase64, toHex, utf8 } from "../../../src/base/bytes.ts";
import type { State } from "../../../src/proof/model.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { parsePublicKey, statePayload, verifyStateSignature } from "../../../src/proof/signed-state.ts";
import { assertRefused } from "./refusals.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = spkiPem(publicKey);
const unsigned: State = { db: "defaultdb", txId: 9n, txHash: sha256(utf8("state")), signature: undefined };
const state = signed(unsigned);

describe("a signed state", () => {
  test("is what the platform's own implementation signs", () => {
    assert.equal(verifyStateSignature(state, parsePublicKey(pem)), state);
  });

  test("is good with either of the two signatures that the algorithm allows", () => {
    const { r, s } = p256.Signature.fromBytes(state.signature?.signature as Uint8Array, "der");
    const signature = new p256.Signature(r, p256.Point.Fn.ORDER - s).toBytes("der");
    const other = { ...state, signature: { publicKey: new Uint8Array(0), signature } };
    assert.equal(verifyStateSignature(other, parsePublicKey(pem)), other);
  });

  test("is refused without signature, with another's, for another state, or in another encoding", () => {
    const key = parsePublicKey(pem);
    assertRefused("signature_missing", () => verifyStateSignature(unsigned, key));
    assertRefused("signature_invalid", () => verifyStateSignature({ ...state, db: "other" }, key));
    assertRefused("signature_invalid", () => verifyStateSignature({ ...state, txId: 10n }, key));
    assertRefused("signature_invalid", () => verifyStateSignature({ ...state, txHash: sha256(utf8("")) }, key));
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const theirs = parsePublicKey(spkiPem(stranger.publicKey));
    assertRefused("signature_invalid", () => verifyStateSignature(state, theirs));
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(64),
      Uint8Array.of(...(state.signature?.signature ?? []), 0),
    ]) {
      const changed = { ...state, signature: { publicKey: key, signature: bytes } };
      assertRefused("signature_invalid", () => verifyStateSignature(changed, key));
    }
  });

  test("covers the name in UTF-8, the transaction and its hash, and no hash of another length", () => {
    const payload = statePayload({ ...unsigned, db: "bücher" });
    assert.equal(toHex(payload.subarray(0, 11)), "0000000762c3bc63686572");
    assert.equal(payload.length, 4 + 7 + 8 + 32);
    assertRefused("digest_malformed", () => statePayload({ ...unsigned, txHash: new Uint8Array(31) }));
  });
});

describe("a public key in PEM form", () => {
  test("gives its uncompressed point", () => {
    const spki = publicKey.export({ type: "spki", format: "der" });
    assert.equal(toHex(parsePublicKey(pem)), toHex(spki.subarray(-65)));
    assert.equal(toHex(parsePublicKey(`\n${pem}\n`)), toHex(spki.subarray(-65)));
  });

  test("is refused when it is not PEM, not a P-256 key, or not a point of the curve", () => {
    const refuse = (text: string): void => assertRefused("public_key_malformed", () => parsePublicKey(text));
    refuse("");
    refuse("not a key");
    refuse("-----BEGIN PUBLIC KEY-----\nAAA\u003d\u003d\u003d\n-----END PUBLIC KEY-----");
    refuse(spkiPem(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey));
    refuse(spkiPem(generateKeyPairSync("ed25519").publicKey));
    const der = fromBase64(pem.split("\n").slice(1, -2).join(""));
    refuse(armour(der.subarray(0, -1)));
    der[der.length - 1] = (der.at(-1) as number) ^ 1;
    refuse(armour(der));
    refuse(armour(Uint8Array.of(...der.subarray(0, 25), 1, ...der.subarray(26))));
  });
});

function signed(plain: State): State {
  const signature = new Uint8Array(sign("sha256", statePayload(plain), { key: privateKey, dsaEncoding: "der" }));
  return { ...plain, signature: { publicKey: new Uint8Array(0), signature } };
}

function spkiPem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }) as string;
}

function armour(der: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(der)}\n-----END PUBLIC KEY-----`;
}
