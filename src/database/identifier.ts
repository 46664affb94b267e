// The server's identity: 12 bytes kept with the data, shown as 20 characters (base 32 hex, lower case: an xid). Clients keep it
// beside their trusted state, so it must survive restarts and be new for a new data directory.

import { concat, u32 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { StoreError } from "../store/errors.ts";
import type { DataDirectory } from "./data-directory.ts";

/** Where it is in a data directory, and how long it is. */
export const IDENTIFIER_FILE = "immudb.identifier";
export const IDENTIFIER_BYTES = 12;
const ALPHABET = "0123456789abcdefghijklmnopqrstuv";

/** Reads the identity of a data directory, or creates it. */
export async function serverIdentity(directory: DataDirectory, clock: Clock, random: Random): Promise<string> {
  const stored = await directory.read(IDENTIFIER_FILE);
  if (stored !== undefined) {
    if (stored.length === IDENTIFIER_BYTES) return xid(stored);
    const file = `${directory.path}/${IDENTIFIER_FILE}`;
    throw new StoreError("damaged", `${file} should hold ${IDENTIFIER_BYTES} bytes: restore it from a backup`, {
      what: IDENTIFIER_FILE,
    });
  }
  const id = newId(clock, random);
  await directory.replace(IDENTIFIER_FILE, id);
  return xid(id);
}

/** Twelve bytes: seconds since the epoch, then chance. */
export function newId(clock: Clock, random: Random): Uint8Array {
  return concat(u32(Math.floor(clock.nowMs() / 1000) % 2 ** 32), random.bytes(IDENTIFIER_BYTES - 4));
}

/** The text of twelve bytes: five bits a character, the last one padded with zero bits. */
export function xid(id: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of id) {
    bits = ((bits << 8) | byte) & 0xfff;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET[(bits >> held) & 31];
    }
  }
  return text + ALPHABET[(bits << (5 - held)) & 31];
}
