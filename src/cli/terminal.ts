import type { Readable } from "node:stream";
import type { Sink } from "./output.ts";

/** What a command talks through: a process, or whatever stands for one. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Sink & Drain;
  readonly stderr: Sink;
}

/** How a stream says that its reader is behind. */
export interface Drain {
  readonly writableNeedDrain?: boolean;
  once(event: "drain", listener: () => void): unknown;
}
