// Changes one byte of a stored value on disk, below the database, as a failing disk or an intruder would.
//
// LMDB never overwrites a page that a reader might still see: a change goes to a copy, and the old page is used again some
// day. So the file holds the bytes of a value several times: once in the page that the tree leads to, and in left-over
// copies of that page from before its neighbours were written. Only the first counts. Which one that is, LMDB itself tells:
// its memory map shows the file as it is, so a byte is changed in one place after the other, and put back, until the row
// read through LMDB shows the change.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { LOG_TABLE, txRangeStart } from "../../src/store/layout.ts";

export interface ChangedByte {
  readonly file: string;
  readonly offset: number;
  readonly from: number;
  readonly to: number;
  /** Left-over copies of the value in the same file. */
  readonly staleCopies: number;
}

/**
 * Changes the byte at `index` of the value that transaction `txId` of the database in `directory` holds. The server must
 * not run. `value` must be found nowhere else in that transaction.
 */
export async function changeOneByte(
  directory: string,
  txId: bigint,
  value: Uint8Array,
  index: number,
): Promise<ChangedByte> {
  const path = join(directory, "log", "data.mdb");
  const file = await open(path, "r+");
  const engine = await lmdbDriver.open(join(directory, "log"), { durable: true });
  try {
    const log = engine.table(LOG_TABLE);
    const isUntouched = (): boolean => {
      engine.refresh();
      const rows = log.range({ from: txRangeStart(txId), to: txRangeStart(txId + 1n) });
      return [...rows].some((row) => Buffer.from(row.value).includes(Buffer.from(value)));
    };
    if (!isUntouched()) throw new Error(`transaction ${txId} does not hold the value`);
    const copies = offsetsOf(value, await file.readFile());
    for (const copy of copies) {
      const offset = copy + index;
      const from = value[index] as number;
      const to = from ^ 1;
      await file.write(Uint8Array.of(to), 0, 1, offset);
      if (!isUntouched()) return { file: path, offset, from, to, staleCopies: copies.length - 1 };
      await file.write(Uint8Array.of(from), 0, 1, offset);
    }
    throw new Error(`none of ${copies.length} copies in ${path} is the one that is read`);
  } finally {
    await engine.close();
    await file.sync();
    await file.close();
  }
}

function offsetsOf(value: Uint8Array, bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) offsets.push(at);
  return offsets;
}
