// TLS as the server uses it: the pair, and the authorities of clients where certificates of theirs are demanded. They are read
// from files, and can be read again while connections made with the old ones go on.

import { createServer, type TlsOptions, type Server as TlsServer } from "node:tls";
import { PREFACE_TIMEOUT_MS } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { ensurePair } from "./auto-cert.ts";
import { type Authorities, type CertificatePair, readAuthorities, readPair, validityWarnings } from "./certificate.ts";
import type { TlsSettings } from "./tls-settings.ts";

/** What one reading of the files gave. */
interface Material {
  readonly pair: CertificatePair;
  /** undefined: clients are not asked for certificates. */
  readonly authorities: Authorities | undefined;
}

export class Tls {
  readonly #settings: TlsSettings;
  readonly #logger: Logger;
  readonly #servers = new Set<TlsServer>();
  #material: Material;

  private constructor(settings: TlsSettings, logger: Logger, material: Material) {
    this.#settings = settings;
    this.#logger = logger;
    this.#material = material;
  }

  /** Throws StartError when a file cannot be used. */
  static async open(settings: TlsSettings, logger: Logger): Promise<Tls> {
    const tls = new Tls(settings, logger, await readMaterial(settings, logger));
    tls.#warn();
    return tls;
  }

  /** A server that listens nowhere: connections are given to it by its event `connection`. It follows every reload. */
  createServer(options: TlsOptions): TlsServer {
    const server = createServer({ ...this.options(), ...options });
    this.follow(server);
    return server;
  }

  /** For a server of TLS or HTTPS, that is then told to {@link follow}. */
  options(): TlsOptions {
    const isDemanded = this.#material.authorities !== undefined;
    return {
      ...contextOf(this.#material),
      requestCert: isDemanded,
      rejectUnauthorized: isDemanded,
      handshakeTimeout: PREFACE_TIMEOUT_MS,
    };
  }

  /** From now on `server` uses what is read, for new connections, until it is closed. */
  follow(server: TlsServer): void {
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
  }

  /** Reads the files again. Throws StartError; then nothing has changed. */
  async reload(): Promise<void> {
    this.#material = await readMaterial(this.#settings, this.#logger);
    // New contexts have new ticket keys: nobody resumes a session that the old authorities let in.
    for (const server of this.#servers) server.setSecureContext(contextOf(this.#material));
    this.#warn();
  }

  /** Sees to a certificate of our own in time, and tells of the end of any other. For once a day. Throws StartError. */
  async look(): Promise<void> {
    if (this.#settings.auto) await this.reload();
    else this.#warn();
  }

  /** Tells the log what will have to be replaced soon. */
  #warn(): void {
    const { pair, authorities } = this.#material;
    const validity = [...pair.validity, ...(authorities?.validity ?? [])];
    for (const warning of validityWarnings(validity, Date.now())) {
      this.#logger.warn({}, `${warning}. Replace the file and send the server SIGHUP`);
    }
    if (pair.isKeyExposed) {
      this.#logger.warn({}, `every user of this machine can read ${this.#settings.privateKey}: chmod 600 it`);
    }
  }
}

async function readMaterial(settings: TlsSettings, logger: Logger): Promise<Material> {
  if (settings.auto && (await ensurePair(settings, Date.now()))) {
    logger.info({ certificate: settings.certificate }, "a self-signed certificate was made");
  }
  const { certificate, privateKey, clientAuthorities } = settings;
  return {
    pair: await readPair(certificate, privateKey),
    authorities: clientAuthorities === undefined ? undefined : await readAuthorities(clientAuthorities),
  };
}

function contextOf({ pair, authorities }: Material): TlsOptions {
  return {
    cert: pair.certificate,
    key: pair.privateKey,
    minVersion: "TLSv1.2",
    ...(authorities !== undefined && { ca: authorities.certificates }),
  };
}
