/** Runs the jobs of one name one after the other, in the order they came; jobs of different names run side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(name: string, job: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const done = Promise.withResolvers<void>();
    this.#last.set(name, done.promise);
    await before;
    try {
      return await job();
    } finally {
      if (this.#last.get(name) === done.promise) this.#last.delete(name);
      done.resolve();
    }
  }
}
