// Files that an operator names in settings: read at once, and never more of them than makes sense.

import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";

export interface SmallFile {
  readonly text: string;
  readonly stats: Stats;
}

/** The whole of a file of at most `bytesMax` bytes, a pipe included. Throws an error that names the path and never the content. */
export function readSmallFile(path: string, bytesMax: number): SmallFile {
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += read;
      if (length > bytesMax) throw new Error(`${path} is longer than ${bytesMax} bytes`);
      if (read === 0) return { text: textOf(bytes.subarray(0, length), path), stats: fstatSync(descriptor) };
    }
  } finally {
    closeSync(descriptor);
  }
}

function textOf(bytes: Buffer, path: string): string {
  if (!isUtf8(bytes)) throw new Error(`${path} is not UTF-8 text`);
  return bytes.toString("utf8");
}
