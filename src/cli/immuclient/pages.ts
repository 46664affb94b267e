import { RESULT_ROWS_MAX } from "../../base/limits.ts";

const PAGE = BigInt(RESULT_ROWS_MAX);

export interface PageOptions {
  /** Most entries of all pages; all there are unless given. */
  readonly limit?: bigint;
  /** How many entries to pass over first. */
  readonly offset?: bigint;
}

/** What to ask for next. */
export interface Page<T> {
  readonly limit: bigint;
  /** Counts from where the page begins: after `last`, or at the beginning. */
  readonly offset: bigint;
  readonly last: T | undefined;
  /** How many entries came before. */
  readonly before: bigint;
}

/** A list of any length, which the server gives in pages; `read` fetches one. */
export async function* paged<T>(
  { limit, offset = 0n }: PageOptions,
  read: (page: Page<T>) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  let last: T | undefined;
  let before = 0n;
  for (let left = limit ?? PAGE; left > 0n; left = limit === undefined ? PAGE : limit - before) {
    const size = left < PAGE ? left : PAGE;
    const entries = await read({ limit: size, offset: last === undefined ? offset : 0n, last, before });
    yield* entries;
    if (entries.length === 0) return;
    last = entries.at(-1);
    before += BigInt(entries.length);
  }
}
