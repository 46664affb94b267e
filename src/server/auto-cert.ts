// The pair of `--auto-cert`: a key and a certificate that is signed by itself, made when they are missing and used again at
// the next start. The key stays; the certificate is made anew, for the same key, when its end is near. So a crash or another
// server between the two steps leaves nothing that does not fit together:
//
//   key missing ─▶ written beside, then linked to its name: of several that do so, one wins
//   certificate missing, or near its end ─▶ written beside, then renamed over the old one: any of them fits the one key

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { access, link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { makeDirectory } from "../store/make-directory.ts";
import { isNearItsEnd, readPair } from "./certificate.ts";
import { StartError } from "./errors.ts";

const LIFETIME_MS: number = 365 * 86_400_000;
/** Clocks of clients may be behind. */
const EARLIER_MS = 3_600_000;
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const ADDRESSES = ["127.0.0.1", "::1", "0.0.0.0"];

export interface AutoCertPaths {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Sees to it that there is a pair for some time to come. Returns whether it made a certificate. Throws StartError. */
export async function ensurePair(paths: AutoCertPaths, nowMs: number): Promise<boolean> {
  try {
    makeDirectory(dirname(paths.privateKey));
    if (!(await exists(paths.privateKey))) await makeKey(paths.privateKey);
    if ((await exists(paths.certificate)) && !(await isOld(paths, nowMs))) return false;
    const key = createPrivateKey(await readFile(paths.privateKey));
    await replace(paths.certificate, await certificateFor(key, nowMs), 0o644);
    return true;
  } catch (cause) {
    const hint = `remove ${paths.certificate} and ${paths.privateKey}, and they are made anew, or give --certificate and --pkey`;
    throw new StartError(`--auto-cert has no pair to use: ${(cause as Error).message}`, hint, cause);
  }
}

async function isOld({ certificate, privateKey }: AutoCertPaths, nowMs: number): Promise<boolean> {
  const [own] = (await readPair(certificate, privateKey)).validity;
  return own === undefined || isNearItsEnd(own, nowMs);
}

async function makeKey(path: string): Promise<void> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const unfinished = await writeBeside(path, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  try {
    await link(unfinished, path);
  } catch (error) {
    // Somebody else made one at the same time.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** A certificate in PEM form for a P-256 or RSA key, valid for this machine under its usual names. */
async function certificateFor(key: KeyObject, nowMs: number): Promise<string> {
  // Both are large, and hardly any start needs them.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  // Only keys that were there before are RSA.
  const algorithm = key.asymmetricKeyType === "rsa" ? RSA : P256;
  const privateKey = key.toCryptoKey(algorithm, false, ["sign"]);
  const publicKey = createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ["localhost"] }, { O: ["immudb for TypeScript"] }],
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - EARLIER_MS),
    notAfter: new Date(nowMs + LIFETIME_MS),
    extensions: [
      // Whoever trusts it trusts this server, and nothing else that its key might sign.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...[...new Set(["localhost", hostname()])].map((value) => ({ type: "dns" as const, value })),
        ...ADDRESSES.map((value) => ({ type: "ip" as const, value })),
      ]),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

async function replace(path: string, content: string, mode: number): Promise<void> {
  const unfinished = await writeBeside(path, content, mode);
  try {
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Writes a file of its own beside `path`, and returns its name. */
async function writeBeside(path: string, content: string | Buffer, mode: number): Promise<string> {
  const name = `${path}.${randomUUID()}.unfinished`;
  const file = await open(name, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return name;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
