/**
 * Base of every room's error class. A room closes `Code` to a union, so that the tables that map errors to gRPC codes
 * and SQLSTATEs are exhaustive: a missing code does not compile. `data` holds what a text or a caller needs (limits, ids,
 * names), never secrets and never stored bytes.
 */
export abstract class RoomError<Code extends string> extends Error {
  readonly code: Code;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, data: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data;
  }
}
