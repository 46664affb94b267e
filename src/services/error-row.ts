// One row of the error table: how a typed error leaves the server.

import { Code } from "@connectrpc/connect";

export type Data = Readonly<Record<string, unknown>>;

export interface Row {
  readonly code: Code;
  /** A function where the text depends on the error: on its data, or, where no client matches on it, its own message. */
  readonly text: string | ((data: Data, message: string) => string);
  readonly info?: string;
  /** What the details give as the cause, where it is not the text. */
  readonly cause?: string;
  /** Something is wrong with the server or its disk: logged as an error. */
  readonly alarming?: true;
}

/** What clients do not tell apart, or tell apart by its text. */
export function unknown(text: Row["text"], info?: string): Row {
  return { code: Code.Unknown, text, ...(info && { info }) };
}

export function illegal(text: Row["text"]): Row {
  return { code: Code.InvalidArgument, text };
}

export function internal(text: string): Row {
  return { code: Code.Internal, text, info: "XX000" };
}
