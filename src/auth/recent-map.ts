/** A map of bounded size: the entry that was not asked for or set for longest makes room for a new one. */
export class RecentMap<Value> {
  readonly #max: number;
  readonly #mayGo: (value: Value) => boolean;
  readonly #entries = new Map<string, Value>();

  /** `mayGo`: whether an entry may make room; those of which that is not true must be fewer than `max`. */
  constructor(max: number, mayGo: (value: Value) => boolean = () => true) {
    this.#max = max;
    this.#mayGo = mayGo;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) this.#makeRoom();
    this.#entries.set(key, value);
  }

  #makeRoom(): void {
    for (const [key, value] of this.#entries) {
      if (!this.#mayGo(value)) continue;
      this.#entries.delete(key);
      return;
    }
  }
}
