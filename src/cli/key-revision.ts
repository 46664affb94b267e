import { UsageError } from "./exit-codes.ts";

export interface KeyRevision {
  readonly key: string;
  /** 0: the latest; n: the n-th; -n: n before the latest. */
  readonly revision: bigint;
}

/**
 * Splits `key@revision` at the last separator. An empty separator turns the syntax off, for keys that contain it.
 * Throws UsageError when what follows the separator is not a number.
 */
export function parseKeyRevision(argument: string, separator: string): KeyRevision {
  const at = separator === "" ? -1 : argument.lastIndexOf(separator);
  if (at < 0) return { key: argument, revision: 0n };
  const revision = argument.slice(at + separator.length);
  if (!/^-?[0-9]{1,18}$/.test(revision)) {
    throw new UsageError(
      `'${revision}' is not a revision number`,
      `if '${separator}' is part of the key, choose another separator or none: --revision-separator ""`,
    );
  }
  return { key: argument.slice(0, at), revision: BigInt(revision) };
}
