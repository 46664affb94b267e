// What somebody meant who wrote a name a little wrong.

/** The word that is most like `name`, if one is like it at all: at most one letter in three, and three in all, are different. */
export function closest(name: string, words: Iterable<string>): string | undefined {
  const wanted = bare(name);
  const limit = Math.min(3, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const word of words) {
    const distance = editDistance(wanted, bare(word));
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** `Max_Sessions` is as good as `max-sessions`. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]/g, "");
}

/** Letters to insert, remove, replace or exchange with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const exchanged =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j - 1) + (same ? 0 : 1), at(last, j) + 1, at(row, j - 1) + 1, exchanged));
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
