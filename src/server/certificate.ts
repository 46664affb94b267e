// Certificates and their private key, read from PEM files and looked at before anybody is served with them: whoever made a
// mistake hears of it at start, with what to do, and not from his clients.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { StartError } from "./errors.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const READABLE_BY_OTHERS = 0o004;
const DAY_MS = 86_400_000;
/** A certificate that ends sooner is told of. */
const EXPIRY_WARNING_MS: number = 30 * DAY_MS;

/** Of a certificate, for whoever is told of its end. */
export interface Validity {
  /** What it is and where it was read. */
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A certificate with those of the authorities above it, and its key: PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly privateKey: string;
  readonly fingerprint: string;
  readonly validity: readonly Validity[];
  /** Whether every user of the machine can read the key. */
  readonly isKeyExposed: boolean;
}

/** Throws StartError when either cannot be used, or they do not belong together. */
export async function readPair(certificatePath: string, privateKeyPath: string): Promise<CertificatePair> {
  const certificate = await readText(certificatePath, "certificate", "--certificate");
  const [own, ...above] = parseCertificates(certificate, certificatePath, "--certificate");
  const privateKey = await readText(privateKeyPath, "private key", "--pkey");
  const key = parsePrivateKey(privateKey, privateKeyPath);
  if (!own.checkPrivateKey(key)) throw mismatch(certificatePath, privateKeyPath, above, key);
  try {
    createSecureContext({ cert: certificate, key: privateKey });
  } catch (cause) {
    const message = `TLS cannot use the certificate ${certificatePath}: ${(cause as Error).message}`;
    throw new StartError(message, "make a pair with a P-256, Ed25519 or RSA key of 2048 bits or more", cause);
  }
  return {
    certificate,
    privateKey,
    fingerprint: own.fingerprint256,
    validity: [
      validityOf(own, `the TLS certificate ${certificatePath}`),
      ...above.map((one) => validityOf(one, `the certificate of an authority in ${certificatePath}`)),
    ],
    isKeyExposed: ((await stat(privateKeyPath)).mode & READABLE_BY_OTHERS) !== 0,
  };
}

/** Certificates of authorities, PEM. */
export interface Authorities {
  readonly certificates: string;
  readonly validity: readonly Validity[];
}

/** Throws StartError when there are none. */
export async function readAuthorities(path: string): Promise<Authorities> {
  const certificates = await readText(path, "file of client authorities", "--clientcas");
  const parsed = parseCertificates(certificates, path, "--clientcas");
  return {
    certificates,
    validity: parsed.map((one) => validityOf(one, `the certificate of a client authority in ${path}`)),
  };
}

/** One sentence for each certificate that does not hold now, or not for long. */
export function validityWarnings(validity: readonly Validity[], nowMs: number): string[] {
  return validity.flatMap(({ name, fromMs, untilMs }) => {
    const until = new Date(untilMs).toISOString();
    if (untilMs < nowMs) return [`${name} expired at ${until}: clients refuse it`];
    if (fromMs > nowMs) return [`${name} is not valid before ${new Date(fromMs).toISOString()}: clients refuse it`];
    if (untilMs - nowMs > EXPIRY_WARNING_MS) return [];
    return [`${name} expires in ${Math.floor((untilMs - nowMs) / DAY_MS)} days, at ${until}`];
  });
}

/** Whether a certificate should be replaced by now. */
export function isNearItsEnd({ untilMs }: Validity, nowMs: number): boolean {
  return untilMs - nowMs <= EXPIRY_WARNING_MS;
}

async function readText(path: string, what: string, flag: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const message = `the ${what} ${path} cannot be read: ${(cause as Error).message}`;
    throw new StartError(message, `give ${flag} a PEM file that this user may read`, cause);
  }
}

function parseCertificates(text: string, path: string, flag: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = (text.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
    if (first !== undefined) return [first, ...rest];
  } catch (cause) {
    const message = `a certificate in ${path} cannot be read: ${(cause as Error).message}`;
    throw new StartError(message, `give ${flag} a PEM file, as it came from the authority`, cause);
  }
  throw new StartError(`${path} holds no certificate in PEM form`, `give ${flag} a file with BEGIN CERTIFICATE lines`);
}

function parsePrivateKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    if (/ENCRYPTED/.test(text)) {
      throw new StartError(
        `the private key ${path} is encrypted`,
        `write it without a passphrase, for this user alone: umask 077; openssl pkey -in ${path} -out plain-key.pem`,
        cause,
      );
    }
    // Says nothing about what is in the file.
    throw new StartError(
      `${path} holds no private key in PEM form`,
      "give --pkey a file with a BEGIN PRIVATE KEY line",
    );
  }
}

function mismatch(
  certificatePath: string,
  privateKeyPath: string,
  above: readonly X509Certificate[],
  key: KeyObject,
): StartError {
  const message = `the private key ${privateKeyPath} does not belong to the certificate ${certificatePath}`;
  if (!above.some((one) => one.checkPrivateKey(key))) {
    return new StartError(message, "give --certificate and --pkey a pair that was made together");
  }
  return new StartError(
    message,
    `${certificatePath} must begin with the server's own certificate, authorities follow it`,
  );
}

function validityOf(certificate: X509Certificate, name: string): Validity {
  return { name, fromMs: certificate.validFromDate.getTime(), untilMs: certificate.validToDate.getTime() };
}
