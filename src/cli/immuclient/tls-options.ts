// The options with which a program reaches a server over TLS. TLS is used as soon as any of them asks for it: whoever says whom
// he trusts does not want to send his password in the clear.

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import type { ClientTls } from "../../client/node.ts";
import { UsageError } from "../exit-codes.ts";

/** As commander names them. */
export interface TlsOptions {
  readonly tls: boolean;
  readonly mtls: boolean;
  readonly servername?: string;
  readonly certificate?: string;
  readonly pkey?: string;
  readonly clientcas?: string;
}

/** `prefix`: what the names of the variables begin with. */
export function addTlsOptions(program: Command, prefix: string): Command {
  const file = (flags: string, description: string, name: string): Option =>
    new Option(flags, description).env(`${prefix}_${name}`);
  // Commander takes a variable of any value for a yes.
  const yesOrNo = (flags: string, description: string, name: string): Option =>
    new Option(flags, `${description} (env: ${prefix}_${name})`).default(
      isTrue(process.env[`${prefix}_${name}`]),
      "no",
    );
  return program
    .addOption(yesOrNo("--tls", "use TLS, as each of the next options does", "TLS"))
    .addOption(yesOrNo("-m, --mtls", "use TLS and show a certificate: --certificate and --pkey", "MTLS"))
    .addOption(file("--servername <name>", "name in the server's certificate, when it is not the host", "SERVERNAME"))
    .addOption(file("--certificate <file>", "PEM: who this client is", "CERTIFICATE"))
    .addOption(file("--pkey <file>", "PEM: the private key of --certificate", "PKEY"))
    .addOption(file("--clientcas <file>", "PEM: authorities that may vouch for the server", "CLIENTCAS"));
}

/** What the transport needs; undefined: no TLS. Throws UsageError. */
export function clientTls(options: TlsOptions): ClientTls | undefined {
  const { tls, mtls, servername, certificate, pkey, clientcas } = options;
  if (!tls && !mtls && !servername && !certificate && !pkey && !clientcas) return undefined;
  if (Boolean(certificate) !== Boolean(pkey) || (mtls && !certificate)) {
    throw new UsageError(
      "a client that shows who it is needs its certificate and the private key of it",
      "give both --certificate and --pkey",
    );
  }
  return {
    ...(clientcas && { authorities: read(clientcas, "--clientcas") }),
    ...(certificate && { certificate: read(certificate, "--certificate") }),
    ...(pkey && { privateKey: read(pkey, "--pkey") }),
    ...(servername && { serverName: servername }),
  };
}

function read(path: string, option: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}`, "name a PEM file");
  }
}

function isTrue(text: string | undefined): boolean {
  return /^(1|t|true)$/i.test(text ?? "");
}
