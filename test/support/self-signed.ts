// A certificate for tests of TLS (RFC 5280), made on the spot: P-256, signed by itself, valid for an hour around now.
//
//   Certificate ::= SEQUENCE { tbs, algorithm, signature }
//   tbs         ::= SEQUENCE { serial, algorithm, issuer, validity, subject, public key }     version 1: no extensions

import { generateKeyPairSync, sign } from "node:crypto";

const [INTEGER, BIT_STRING, UTF8_STRING, UTC_TIME, SEQUENCE, SET] = [0x02, 0x03, 0x0c, 0x17, 0x30, 0x31];
/** ecdsa-with-SHA256, and the attribute commonName, as object identifiers. */
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");
const HALF_HOUR_MS = 1_800_000;

export interface Credentials {
  /** Both as PEM. */
  readonly key: string;
  readonly cert: string;
}

export function selfSigned(commonName = "localhost"): Credentials {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(der(SET, sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const validity = sequence(time(Date.now() - HALF_HOUR_MS), time(Date.now() + HALF_HOUR_MS));
  const key = publicKey.export({ type: "spki", format: "der" });
  const tbs = sequence(der(INTEGER, Buffer.of(1)), algorithm, name, validity, name, key);
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", tbs, privateKey));
  const lines =
    sequence(tbs, algorithm, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

/** Tag, length (one byte, or 0x80 plus how many bytes follow with it), content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  if (body.length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, body.length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, body.length >> 8, body.length & 0xff), body]);
}

function sequence(...content: readonly Uint8Array[]): Buffer {
  return der(SEQUENCE, ...content);
}

/** YYMMDDhhmmssZ */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(UTC_TIME, Buffer.from(`${digits}Z`));
}
