// Why a connection over TLS, or one that should have been, did not come about, and what to do: told by the code of the error
// that Node gave, which the RPC library keeps as the cause of its own.

import { ConnectError } from "@connectrpc/connect";

export interface TlsFailure {
  readonly message: string;
  readonly next: string;
}

const REASONS: readonly (readonly [code: RegExp, message: string, next: string])[] = [
  [
    /^(UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|CERT_UNTRUSTED|INVALID_CA)/,
    "the server's certificate does not come from an authority that is trusted here",
    "name the authority's certificate with --clientcas; for a server with --auto-cert that is its immudb-cert.pem",
  ],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)/,
    "the server's certificate is not valid now",
    "have it replaced on the server, and look at the clock of this machine",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID/,
    "the server's certificate is for another name",
    "reach the server under a name of its certificate, or say with --servername which one you expect",
  ],
  [
    /ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE)/,
    "the server lets in only clients that show a certificate of its authorities",
    "give such a one with --certificate, and its key with --pkey",
  ],
  [
    /KEY_VALUES_MISMATCH/,
    "the private key does not belong to the certificate",
    "give --certificate and --pkey a pair that was made together",
  ],
  [
    /^(ERR_OSSL|ERR_SSL_WRONG_VERSION)/,
    "TLS could not be set up",
    "look at --certificate, --pkey and --clientcas, and whether the server speaks TLS on this port",
  ],
];
/** GOAWAY with INADEQUATE_SECURITY (RFC 9113, section 7). */
const TLS_WANTED = /error code 12$/;
const NO_TLS_THERE = /before secure TLS connection was established/;

/** undefined: TLS has nothing to do with it. `address` is the server that was spoken to. */
export function tlsFailureOf(error: unknown, address: string): TlsFailure | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  if (TLS_WANTED.test(error.rawMessage)) {
    return { message: `the server at ${address} speaks TLS`, next: "add --tls" };
  }
  if (NO_TLS_THERE.test(error.rawMessage)) {
    return {
      message: `the server at ${address} ended the connection before TLS was set up`,
      next: "leave out --tls and the options of certificates if it does not speak TLS on this port",
    };
  }
  const code = String((error.cause as { code?: unknown } | undefined)?.code ?? "");
  const [, message, next] = REASONS.find(([pattern]) => pattern.test(code)) ?? [];
  return message === undefined || next === undefined ? undefined : { message: `${message} (${code})`, next };
}
