// The variables of one case: fresh names for its databases and users, and what its steps saved. They are filled into
// requests, and generated values in answers are named back, so that an expectation can say "${DB}".

import type { Json } from "./corpus.ts";

let cases = 0;

export class Variables {
  readonly #values = new Map<string, Json>();
  /** Generated values to be named in answers, in the order they became known. */
  readonly #generated = new Map<string, string>();

  constructor() {
    const tag = `${Date.now().toString(36)}${(cases++).toString(36)}`.slice(-9);
    const names = { DB: `c${tag}a`, DB2: `c${tag}b`, DB3: `c${tag}c`, U1: `u${tag}x`, U2: `u${tag}y`, U3: `u${tag}z` };
    for (const [name, value] of Object.entries(names)) {
      this.#values.set(name, value);
      this.#generated.set(value, name);
    }
  }

  /** A variable's text. */
  get(name: string): string {
    return String(this.#values.get(name));
  }

  /** Keeps a value; texts long enough to be generated ones are named in later answers. */
  save(name: string, value: Json | undefined): void {
    this.#values.set(name, value ?? null);
    if (typeof value === "string" && value.length >= 8 && !/^\d+$/.test(value)) this.#generated.set(value, name);
  }

  /** Ids of inserted documents become doc1, doc2, … as they appear. */
  saveDocumentIds(ids: Json | undefined): void {
    if (!Array.isArray(ids)) return;
    for (const id of ids as string[]) {
      if (this.#generated.has(id)) continue;
      const known = [...this.#generated.values()].filter((name) => /^doc\d+$/.test(name)).length;
      this.save(`doc${known + 1}`, id);
    }
  }

  /** The same JSON with every ${name} replaced; a string that is one variable becomes its value. */
  fill(json: Json): Json {
    return mapTexts(json, (text) => {
      const whole = /^\$\{(\w+)\}$/.exec(text)?.[1];
      if (whole !== undefined && this.#values.has(whole)) return this.#values.get(whole) ?? null;
      return text.replace(/\$\{(\w+)\}/g, (all, name: string) =>
        this.#values.has(name) ? String(this.#values.get(name)) : all,
      );
    });
  }

  /** The same JSON with every generated value replaced by its ${name}. */
  name(json: Json): Json {
    return mapTexts(json, (text) => {
      let named = text;
      for (const [value, name] of this.#generated) named = named.split(value).join(`\${${name}}`);
      return named;
    });
  }
}

function mapTexts(json: Json, map: (text: string) => Json): Json {
  if (typeof json === "string") return map(json);
  if (Array.isArray(json)) return (json as readonly Json[]).map((item) => mapTexts(item, map));
  if (json === null || typeof json !== "object") return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [String(map(name)), mapTexts(value, map)]));
}
