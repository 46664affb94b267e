// One header field, and whether a request may have it (RFC 9113, section 8.2). The fields of HPACK's tables are used again
// and again: what is found out about a field stays with it.

/** What a field costs in a table or a list beside its octets (RFC 7541, section 4.1). */
const OVERHEAD_BYTES = 32;

/** A name of RFC 9110, section 5.1, in lower case. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** A method is a token too, in any case. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;
/** Visible, as every octet of a path is; what is not ASCII is let through. */
const PATH = /^[\x21-\x7e\x80-\xff]*$/;
/** Visible, and without the user information that RFC 9113, section 8.3.1, forbids. */
const AUTHORITY = /^[\x21-\x3f\x41-\x7e\x80-\xff]*$/;
/** What no value may contain, and what it may not begin or end with. */
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

const PSEUDO_HEADERS: ReadonlyMap<string, RegExp> = new Map([
  [":method", METHOD],
  [":scheme", SCHEME],
  [":path", PATH],
  [":authority", AUTHORITY],
]);

/** They speak of one connection of HTTP/1.1 (RFC 9113, section 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** A name and a value, one character (U+0000 to U+00FF) per octet. */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** Its size in a table or a list, in bytes. */
  readonly size: number;
  readonly isPseudo: boolean;
  #fault: string | undefined | null = null;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + OVERHEAD_BYTES;
    this.isPseudo = name.charCodeAt(0) === 0x3a;
  }

  /** Why no request may have this field, wherever it stands. */
  get fault(): string | undefined {
    if (this.#fault === null) this.#fault = this.isPseudo ? pseudoFault(this) : regularFault(this);
    return this.#fault;
  }
}

function pseudoFault({ name, value }: HeaderField): string | undefined {
  const allowed = PSEUDO_HEADERS.get(name);
  if (allowed === undefined) return "a pseudo-header that no request has";
  return allowed.test(value) ? undefined : `a value that ${name} cannot have`;
}

function regularFault({ name, value }: HeaderField): string | undefined {
  if (!NAME.test(name)) return "a field name with characters that it cannot have";
  if (BAD_VALUE.test(value)) return "a field value with characters that it cannot have";
  if (CONNECTION_SPECIFIC.has(name)) return `${name}, a field of HTTP/1.1 connections`;
  if (name === "te" && value.toLowerCase() !== "trailers") return "te with something else than trailers";
  return undefined;
}
