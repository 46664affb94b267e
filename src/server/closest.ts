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

/** Letters to insert, remove or replace (Levenshtein). Names are short: one row of the table is kept. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
