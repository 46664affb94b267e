// What a command prints. A command computes an Answer; this file alone knows streams, terminals and formats, so that text
// and JSON can never tell different things.
//
// Stored bytes go to a pipe or file exactly as they are. On a terminal control characters are shown, not obeyed: neither a
// value nor a text of the server must be able to move the cursor or to reorder what stands beside it.

import { styleText } from "node:util";
import { toBase64, utf8 } from "../base/bytes.ts";
import type { Failure } from "./exit-codes.ts";

/** Text of an answer: words of ours (string) and stored bytes (Uint8Array), in order, newlines included. */
export type Text = readonly (string | Uint8Array)[];

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

export interface Answer {
  readonly text: Text;
  readonly json: Json;
  /** Stored values alone, each with a line break; the text unless given. */
  readonly values?: Text;
  /** Lines of a table; names and values as in the JSON unless given. */
  readonly rows?: readonly Row[];
  /** What the command ends with; 0 unless given. */
  readonly exit?: number;
}

/** One line of a table: words of ours and stored bytes by the name of their column. */
export type Row = Readonly<Record<string, string | Uint8Array>>;

/** The streams of a process, as far as output needs them. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  write(chunk: string | Uint8Array): unknown;
}

export type Format = "text" | "json";

/** `value`: stored values and nothing else. `table`: for people; drawn when everything is there (listing.ts). */
export type ClientFormat = Format | "value" | "table";

/** Prints an answer to stdout. */
export function printAnswer(answer: Answer, format: Exclude<ClientFormat, "table">, stdout: Sink): void {
  if (format === "json") {
    stdout.write(`${JSON.stringify(answer.json)}\n`);
    return;
  }
  const text = (format === "value" && answer.values) || answer.text;
  for (const part of text) stdout.write(shown(part, stdout));
}

/** Prints an error to stderr: what happened, and on a line of its own what to do next. */
export function printFailure(failure: Failure, format: ClientFormat, stderr: Sink): void {
  const { code, message, next, details } = failure;
  if (format === "json") {
    stderr.write(`${JSON.stringify({ error: { code, message, next, details } })}\n`);
    return;
  }
  stderr.write(`${coloured("red", "error:", stderr)} ${shown(message, stderr)}\n`);
  if (next !== undefined) stderr.write(`${coloured("cyan", " next:", stderr)} ${shown(next, stderr)}\n`);
}

/** Prints to stderr what the user should know; the command goes on. */
export function printWarning(message: string, format: ClientFormat, stderr: Sink): void {
  if (format === "json") {
    stderr.write(`${JSON.stringify({ warning: message })}\n`);
    return;
  }
  stderr.write(`${coloured("yellow", "warning:", stderr)} ${shown(message, stderr)}\n`);
}

/** JSON of stored bytes: base64 always, and their text where they are text that can be shown. */
export function bytesToJson(bytes: Uint8Array): Json {
  const text = printableText(bytes);
  return { ...(text !== undefined && { text }), base64: toBase64(bytes) };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of the bytes when they are valid UTF-8 without control characters (line feed, return and tab are allowed). */
export function printableText(bytes: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(bytes);
    return /[^\P{Cc}\n\r\t]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What to write for a text or for stored bytes: themselves, unless a terminal would obey what is in them. */
function shown(part: string | Uint8Array, stream: Sink): string | Uint8Array {
  if (stream.isTTY !== true) return part;
  const bytes = typeof part === "string" ? utf8(part) : part;
  const text = printableText(bytes);
  if (text !== undefined && !/[\r\u202a-\u202e\u2066-\u2069]/.test(text)) return part;
  return escaped(bytes, "\t\n");
}

/** ASCII as it is, without control characters except those of `allowed`; every other byte as `\xNN`. */
function escaped(bytes: Uint8Array, allowed: string): string {
  let out = "";
  for (const b of bytes) {
    const char = String.fromCharCode(b);
    const plain = (b >= 0x20 && b < 0x7f) || allowed.includes(char);
    out += plain ? char : `\\x${b.toString(16).padStart(2, "0")}`;
  }
  return out;
}

/** Stored bytes on one line, whatever they are. */
export function onOneLine(bytes: Uint8Array): string {
  const text = printableText(bytes);
  return text === undefined || /[\n\r\t\u202a-\u202e\u2066-\u2069]/.test(text) ? escaped(bytes, "") : text;
}

function coloured(colour: "red" | "yellow" | "cyan", text: string, stream: Sink): string {
  const wanted = stream.isTTY === true && !process.env["NO_COLOR"];
  return wanted ? styleText(colour, text, { validateStream: false }) : text;
}
