// The real server for one test, over TLS, with certificates of an authority of its own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, type Credentials, writePair } from "./certificates.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

export interface TlsServer extends TestServer {
  /** Gave the server its certificate. */
  readonly authority: Authority;
  /** PEM file with the authority's certificate. */
  readonly authorityFile: string;
  /** Of the server's pair, and of the authorities of clients under --mtls. */
  readonly files: { readonly certificate: string; readonly pkey: string; readonly clientcas: string };
  /** Holds all of these files. */
  readonly folder: string;
}

/** `flags` beside those of TLS; with `mtls`, clients must show a certificate of `clients`. */
export async function startTlsServer(
  flags: Readonly<Record<string, string>> = {},
  { clients, credentials }: { readonly clients?: Authority; readonly credentials?: Credentials } = {},
): Promise<TlsServer> {
  const folder = await mkdtemp(join(tmpdir(), "tls-"));
  const authority = await Authority.make();
  const authorityFile = join(folder, "authority.pem");
  await writeFile(authorityFile, authority.credentials.cert);
  const clientcas = join(folder, "clients.pem");
  if (clients !== undefined) await writeFile(clientcas, clients.credentials.cert);
  const pair = await writePair(folder, "server", credentials ?? (await authority.give()));
  const demands: Record<string, string> = clients === undefined ? {} : { mtls: "true", clientcas };
  const server = await startTestServer({ ...pair, ...demands, ...flags });
  return {
    ...server,
    authority,
    authorityFile,
    files: { ...pair, clientcas },
    folder,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
