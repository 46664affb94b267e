// The text form in which Prometheus reads metrics, as far as numbers go:
//
//   immudb_db_size_bytes{db="books"} 123456
//   # anything else on a line of its own is a comment

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Lines that are no samples are passed over. */
export function parseMetrics(text: string): readonly Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", number] = SAMPLE.exec(line) ?? [];
    const value = Number(number?.replace("Inf", "Infinity"));
    if (name === undefined || number === undefined || (Number.isNaN(value) && number !== "NaN")) return [];
    return [{ name, value, labels: parseLabels(labels) }];
  });
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name = "", value = ""]) => [name, unescaped(value)]));
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (_all, char: string) => (char === "n" ? "\n" : char));
}
