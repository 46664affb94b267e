import type { Readable } from "node:stream";

/** All of stdin. */
export async function readStdin(stdin: Readable = process.stdin): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}
