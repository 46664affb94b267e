// A bounded map: the value that was added first makes room. What is read often comes back at the cost of one read.

export class RecentValues<T> {
  readonly #values = new Map<number, T>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: number): T | undefined {
    return this.#values.get(key);
  }

  set(key: number, value: T): void {
    const values = this.#values;
    if (values.size >= this.#max) values.delete(values.keys().next().value as number);
    values.set(key, value);
  }

  clear(): void {
    this.#values.clear();
  }
}
