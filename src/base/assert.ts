/** A broken invariant of our own code: never caused by input. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States what cannot be otherwise. Stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
