// What the server reads from files of its operator, and again when it is told to: the TLS pair with the authorities of clients,
// and the signing key.

import type { Logger } from "../base/observe.ts";
import type { ServerConfig } from "./config.ts";
import type { Reloads } from "./reload.ts";
import { SigningKey } from "./state-signer.ts";
import { Tls } from "./tls.ts";

const DAY_MS = 86_400_000;

export interface KeyFiles {
  /** undefined: connections are not encrypted. */
  readonly tls: Tls | undefined;
  /** undefined: states are not signed. */
  readonly signingKey: SigningKey | undefined;
}

/** Throws StartError when a file cannot be used. */
export async function openKeyFiles(
  config: ServerConfig,
  { logger, reloads }: { readonly logger: Logger; readonly reloads?: Reloads | undefined },
  opened: AsyncDisposableStack,
): Promise<KeyFiles> {
  const tls = config.tls && (await Tls.open(config.tls, logger));
  const signingKey = config.signingKey === undefined ? undefined : await SigningKey.open(config.signingKey);
  if (signingKey !== undefined) reloads?.add("the signing key", () => signingKey.reload());
  if (tls !== undefined) {
    reloads?.add("the files of TLS", () => tls.reload());
    const daily = setInterval(() => {
      tls.look().catch((error: unknown) => logger.error({ err: error }, "the certificate could not be made anew"));
    }, DAY_MS);
    opened.defer(() => clearInterval(daily));
  }
  return { tls, signingKey };
}
