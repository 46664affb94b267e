/** The server cannot start. The message says why, `hint` what to do about it. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}
