// Which files TLS is made of, as flags say it.

import { homedir } from "node:os";
import { join } from "node:path";
import { StartError } from "./errors.ts";

export interface TlsSettings {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Whether both are made when they are missing or old. */
  readonly auto: boolean;
  /** Path of a PEM file: clients must show a certificate that one of these authorities gave; undefined: nobody asks them. */
  readonly clientAuthorities: string | undefined;
}

/** The flags certificate, pkey, clientcas, mtls and auto-cert; "" where a path is not given. */
export interface TlsFlags {
  readonly certificate: string;
  readonly privateKey: string;
  readonly clientAuthorities: string;
  readonly mutual: boolean;
  readonly auto: boolean;
}

/** undefined: no TLS. `warn` hears of flags without effect. Throws StartError for flags that do not go together. */
export function tlsSettings(flags: TlsFlags, warn: (sentence: string) => void): TlsSettings | undefined {
  const { certificate, privateKey, clientAuthorities, mutual, auto } = flags;
  if ((certificate === "") !== (privateKey === "")) {
    const [given, missing] = certificate === "" ? ["--pkey", "--certificate"] : ["--certificate", "--pkey"];
    throw new StartError(
      `${given} is given without ${missing}`,
      "TLS takes both, the certificate and its private key, each as a PEM file",
    );
  }
  const isGiven = certificate !== "";
  if (!isGiven && !auto) {
    if (!mutual) return undefined;
    throw new StartError("--mtls needs TLS", "give --certificate and --pkey, or --auto-cert");
  }
  if (mutual && clientAuthorities === "") {
    throw new StartError(
      "--mtls is given without --clientcas",
      "name the PEM file of the authorities whose clients are let in with --clientcas",
    );
  }
  if (isGiven && auto) warn("--auto-cert has no effect: --certificate is given");
  if (!mutual && clientAuthorities !== "") warn("--clientcas has no effect without --mtls");
  return {
    ...(isGiven ? { certificate, privateKey, auto: false } : { ...autoCertPaths(homedir()), auto: true }),
    clientAuthorities: mutual ? clientAuthorities : undefined,
  };
}

/** Where --auto-cert keeps its pair, under the home directory. */
export function autoCertPaths(home: string): { readonly certificate: string; readonly privateKey: string } {
  const directory = join(home, "immudb", "ssl");
  return { certificate: join(directory, "immudb-cert.pem"), privateKey: join(directory, "immudb-key.pem") };
}
