// What web pages of others may do with this server.
//
// CORS: a browser lets a page of another origin call the server, and read its answers, only when the server says so:
//
//   OPTIONS, origin, access-control-request-method ──▶ 204: methods and header fields that are allowed
//   any request with an allowed origin             ──▶ its answer, with what the page may read of it
//   any other origin                               ──▶ the same answer without a word about it: the browser keeps it
//
// Host: without authentication any page could call the server in the name of its visitor, by a name of its own that leads to
// this machine (DNS rebinding): to the browser that is the page's own origin. So the server then answers to its own names
// alone. Addresses are no names that somebody could lead elsewhere. Only HTTP/1.1 is looked at: browsers speak HTTP/2 over
// TLS alone, and there the certificate is for none of the page's names.

import { hostname } from "node:os";
import { cors } from "@connectrpc/connect";
import { StartError } from "./errors.ts";
import type { PlainAnswer } from "./plain-answer.ts";

export interface BrowserRules {
  /** Origins whose pages may call, as browsers write them; "*" for any. */
  readonly origins: readonly string[];
  /** Names of the server; undefined: it answers whatever it is called. */
  readonly hosts: readonly string[] | undefined;
}

type Fields = readonly (readonly [name: string, value: string])[];

const ANY = "*";
const METHODS = cors.allowedMethods.join(", ");
const REQUEST_FIELDS = [...cors.allowedHeaders, "authorization", "sessionid", "transactionid", "immudb-uuid"].join(
  ", ",
);
const ANSWER_FIELDS = [...cors.exposedHeaders, "immudb-uuid", "immudb-ts-version"].join(", ");
/** How long a browser may remember the answer to its question, in seconds: no browser does for longer. */
const PREFLIGHT_SECONDS = "7200";
const NOTHING = new Uint8Array();
const NO_FIELDS: Fields = [];
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

export class Browsers {
  readonly #origins: ReadonlySet<string>;
  readonly #any: boolean;
  readonly #hosts: ReadonlySet<string> | undefined;

  constructor({ origins, hosts }: BrowserRules) {
    this.#origins = new Set(origins);
    this.#any = this.#origins.has(ANY);
    this.#hosts = hosts && new Set(["localhost", hostname(), ...hosts].map((name) => name.toLowerCase()));
  }

  /** For every answer: whoever keeps answers must know that they depend on who asked. */
  get headers(): Readonly<Record<string, string>> {
    return this.#origins.size === 0 || this.#any ? {} : { vary: "origin" };
  }

  /** For the answer to a request from a page of `origin`; `undefined`: from no page. */
  fields(origin: string | undefined): Fields {
    if (origin === undefined || !this.#allows(origin)) return NO_FIELDS;
    return [
      ["access-control-allow-origin", this.#any ? ANY : origin],
      ["access-control-expose-headers", ANSWER_FIELDS],
    ];
  }

  /** The answer to a browser that asks whether a page may call; undefined for any other request. `header` by lower-case name. */
  preflight(method: string, header: (name: string) => string | undefined): PlainAnswer | undefined {
    if (method !== "OPTIONS" || header("access-control-request-method") === undefined) return undefined;
    if (!this.#allows(header("origin") ?? "")) return undefined;
    return {
      status: 204,
      headers: {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_FIELDS,
        "access-control-max-age": PREFLIGHT_SECONDS,
      },
      body: NOTHING,
    };
  }

  /** Why a request that calls the server by this host is not answered; undefined when it is. */
  refusalOfHost(host: string): PlainAnswer | undefined {
    if (this.#hosts === undefined || this.#isOwnName(host, this.#hosts)) return undefined;
    const body =
      "Without authentication this server answers to its own names only, and this is none of them. " +
      "If it is, start the server with it in --allowed-hosts.\n";
    return {
      status: 403,
      headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
      body: Buffer.from(body),
    };
  }

  #allows(origin: string): boolean {
    return this.#any || this.#origins.has(origin);
  }

  #isOwnName(host: string, hosts: ReadonlySet<string>): boolean {
    const name = URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "");
    if (name === undefined) return true; // That it is no host is said elsewhere.
    return IPV4.test(name) || name.startsWith("[") || name.endsWith(".localhost") || hosts.has(name);
  }
}

/** What the flags cors-origins and allowed-hosts amount to. Throws StartError. */
export function browserRules(given: {
  readonly origins: readonly string[];
  readonly hosts: readonly string[];
  readonly address: string;
  readonly authentication: boolean;
}): BrowserRules {
  const { origins, hosts, address, authentication } = given;
  for (const origin of origins) {
    if (origin === ANY || URL.parse(origin)?.origin === origin) continue;
    throw new StartError(
      `--cors-origins names '${origin}', which is no origin`,
      "write it as a browser does: scheme, host, and port if it is not the usual one, such as https://app.example",
    );
  }
  if (origins.includes(ANY) && !authentication) {
    throw new StartError(
      "--cors-origins=* without authentication lets every page in the world read and write",
      "name the origins, or leave authentication on",
    );
  }
  return { origins, hosts: authentication ? undefined : [...hosts, address] };
}
