// Certificates for tests of TLS, made on the spot: an authority, and what it gives to servers and clients.

import "reflect-metadata";
import { KeyObject, randomUUID, type webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { name: "RSASSA-PKCS1-v1_5", publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface Credentials {
  /** Both as PEM. */
  readonly key: string;
  readonly cert: string;
}

export interface CertificateOptions {
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  /** From now; negative: in the past. */
  readonly fromDays?: number;
  readonly untilDays?: number;
  /** An RSA key of so many bits; absent: a P-256 one. */
  readonly rsaBits?: number;
}

/** A certificate that is signed by itself. */
export async function selfSigned(options: CertificateOptions = {}): Promise<Credentials> {
  return (await Authority.make(options, false)).credentials;
}

/** Gives certificates, as an authority of an operator does. */
export class Authority {
  readonly credentials: Credentials;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.credentials = credentialsOf(keys, certificate);
  }

  static async make(options: CertificateOptions = {}, isAuthority = true): Promise<Authority> {
    const keys = await generateKeys(options);
    const name = isAuthority ? `CN=test authority ${randomUUID()}` : "CN=localhost";
    const common = { ...validity(options), keys, name, signingAlgorithm: options.rsaBits ? RSA : EC };
    const extensions = isAuthority
      ? [new x509.BasicConstraintsExtension(true, undefined, true)]
      : [alternativeNames(options)];
    return new Authority(keys, await x509.X509CertificateGenerator.createSelfSigned({ ...common, extensions }));
  }

  async give(options: CertificateOptions = {}): Promise<Credentials> {
    const keys = await generateKeys(options);
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(options),
      subject: "CN=localhost",
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: EC,
      extensions: [new x509.BasicConstraintsExtension(false), alternativeNames(options)],
    });
    return credentialsOf(keys, certificate);
  }
}

/** Writes a pair as `<name>-cert.pem` and `<name>-key.pem`; for the flags of a server and of its clients. */
export async function writePair(
  directory: string,
  name: string,
  { cert, key }: Credentials,
): Promise<{ readonly certificate: string; readonly pkey: string }> {
  const paths = { certificate: join(directory, `${name}-cert.pem`), pkey: join(directory, `${name}-key.pem`) };
  await writeFile(paths.certificate, cert);
  await writeFile(paths.pkey, key, { mode: 0o600 });
  return paths;
}

function generateKeys({ rsaBits }: CertificateOptions): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = rsaBits === undefined ? EC : { ...RSA, modulusLength: rsaBits };
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;
}

function validity({ fromDays = -1, untilDays = 90 }: CertificateOptions): { notBefore: Date; notAfter: Date } {
  const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS + 3_600_000);
  return { notBefore: inDays(fromDays), notAfter: inDays(untilDays) };
}

function alternativeNames({ names = ["localhost"], addresses = ["127.0.0.1"] }: CertificateOptions): x509.Extension {
  return new x509.SubjectAlternativeNameExtension([
    ...names.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value })),
  ]);
}

function credentialsOf(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate): Credentials {
  return {
    key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `${certificate.toString("pem")}\n`,
  };
}
