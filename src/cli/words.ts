// A line as a shell splits it:
//
//   set k 'two words' "a \"quoted\" one" back\ slash      ──▶  set | k | two words | a "quoted" one | back slash
//
// Between single quotes everything stands for itself; between double quotes a backslash takes the meaning of a quote or of a
// backslash; elsewhere of any character, and at the end of the line of the line break itself. Nothing else is special.

/** The words; undefined when the line goes on: a quote is open, or a backslash ends it. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    const escapes = char === "\\" && (quote === "" || (quote === '"' && /^["\\]/.test(line.slice(at + 1))));
    if (escapes) {
      if (++at === line.length) return undefined;
      word = (word ?? "") + (line[at] === "\n" ? "" : line[at]);
    } else if (char === quote) quote = "";
    else if (quote === "" && (char === "'" || char === '"')) {
      quote = char;
      word ??= "";
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}
