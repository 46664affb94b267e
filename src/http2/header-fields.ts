// The fields of a request, or of its trailers, as a header block had them; and the rules for the list as a whole (RFC 9113,
// sections 8.1 to 8.3). Rules for a single field are in header-field.ts.

import type { HeaderField } from "./header-field.ts";

export { encodeFields } from "./hpack-encoder.ts";

/** More digits are not counted exactly. */
const CONTENT_LENGTH = /^[0-9]{1,15}$/;

/**
 * The fields of a request, names in lower case, in order. Immutable but for `memo`: requests of one connection whose header
 * blocks are the same bytes, while nothing in the dynamic table changes, share one object.
 */
export class HeaderFields {
  /** The pseudo-headers; "" when absent. Sensible only when {@link invalidRequest} finds nothing. */
  readonly method: string;
  readonly path: string;
  readonly scheme: string;
  /** `:authority`, or else `host`. */
  readonly authority: string;
  /** What the receiver of the requests wants to remember with these fields. */
  memo: unknown = undefined;

  readonly #fields: readonly HeaderField[];
  /** How many fields at the beginning are pseudo-headers, and how many of them are different ones of a request. */
  readonly #pseudo: number;
  readonly #distinct: number;
  readonly #hasAuthority: boolean;
  #requestFault: string | undefined | null = null;

  constructor(fields: readonly HeaderField[]) {
    let method: string | undefined;
    let path: string | undefined;
    let scheme: string | undefined;
    let authority: string | undefined;
    let pseudo = 0;
    for (const { name, value, isPseudo } of fields) {
      if (!isPseudo) break;
      pseudo++;
      if (name === ":method") method = value;
      else if (name === ":path") path = value;
      else if (name === ":scheme") scheme = value;
      else if (name === ":authority") authority = value;
    }
    this.#fields = fields;
    this.#pseudo = pseudo;
    this.#distinct = count(method) + count(path) + count(scheme) + count(authority);
    this.#hasAuthority = Boolean(authority);
    this.method = method ?? "";
    this.path = path ?? "";
    this.scheme = scheme ?? "";
    this.authority = authority || (this.get("host") ?? "");
  }

  /** The value of a field; the values of several with this name, joined by ", " (those of cookie by "; "). */
  get(name: string): string | undefined {
    let found: string | undefined;
    for (const field of this.#fields) {
      if (field.name !== name) continue;
      found = found === undefined ? field.value : `${found}${name === "cookie" ? "; " : ", "}${field.value}`;
    }
    return found;
  }

  /** The regular fields: name and value of each, in order. */
  *entries(): IterableIterator<[name: string, value: string]> {
    for (let i = this.#pseudo; i < this.#fields.length; i++) {
      const { name, value } = this.#fields[i] as HeaderField;
      yield [name, value];
    }
  }

  /** Bytes of the body as the request announces them. */
  get contentLength(): number | undefined {
    const text = this.get("content-length");
    return text === undefined ? undefined : Number(text);
  }

  /** Why these are not the fields of a request; undefined when they are. Found out once. */
  invalidRequest(): string | undefined {
    if (this.#requestFault === null) this.#requestFault = this.#findRequestFault();
    return this.#requestFault;
  }

  /** Why these are not the trailers of a request; undefined when they are. */
  invalidTrailers(): string | undefined {
    for (const field of this.#fields) {
      if (field.isPseudo) return "a pseudo-header among trailers";
      if (field.fault !== undefined) return field.fault;
    }
    return undefined;
  }

  #findRequestFault(): string | undefined {
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i] as HeaderField;
      if (field.fault !== undefined) return field.fault;
      if (field.isPseudo && i >= this.#pseudo) return "a pseudo-header after a regular field";
    }
    if (this.#pseudo > this.#distinct) return "a pseudo-header twice";
    if (this.method === "") return "no :method";
    return (this.method === "CONNECT" ? this.#connectFault() : this.#targetFault()) ?? this.#regularFault();
  }

  #targetFault(): string | undefined {
    if (this.scheme === "") return "no :scheme";
    if (this.path === "") return "no :path";
    if (this.path.startsWith("/") || (this.path === "*" && this.method === "OPTIONS")) return undefined;
    return "a :path that does not begin with /";
  }

  /** The rules of CONNECT (RFC 9113, section 8.5). */
  #connectFault(): string | undefined {
    return this.#hasAuthority && this.#distinct === 2 ? undefined : "CONNECT with other pseudo-headers than :authority";
  }

  /** What regular fields say that depends on others. */
  #regularFault(): string | undefined {
    const length = this.get("content-length");
    if (length !== undefined && !CONTENT_LENGTH.test(length)) return "a content-length that is no number";
    const host = this.get("host");
    if (host === undefined) return undefined;
    if (host.includes(", ")) return "more than one host";
    return sameHost(host, this.authority, this.scheme) ? undefined : "a host that is not :authority";
  }
}

function count(value: string | undefined): number {
  return value === undefined ? 0 : 1;
}

/** Whether both name one host and port. */
function sameHost(a: string, b: string, scheme: string): boolean {
  return a === b || withoutDefaultPort(a, scheme) === withoutDefaultPort(b, scheme);
}

function withoutDefaultPort(host: string, scheme: string): string {
  return host.toLowerCase().replace(scheme === "https" ? /:443$/ : /:80$/, "");
}
