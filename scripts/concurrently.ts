// Work on a list by a number of workers, each taking the next item when it is done with one.

/** Rejects with the first failure; no worker begins another item after that. */
export async function concurrently<T>(
  items: readonly T[],
  workers: number,
  work: (item: T, worker: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const run = async (worker: number): Promise<void> => {
    try {
      while (!failed && next < items.length) await work(items[next++] as T, worker);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, (_, worker) => run(worker)));
}
