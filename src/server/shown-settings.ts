// Settings as they may be shown: what each is, where that comes from, and what it wins over.

import type { Setting, Source } from "./settings.ts";

const MASK = "******";

export interface ShownSetting {
  readonly name: string;
  /** As on a command line; of a secret only whether there is one. */
  readonly value: string;
  readonly source: Source;
  /** What a person would look for: --port, IMMUDB_PORT, port in immudb.toml. */
  readonly origin: string;
  readonly over: readonly string[];
}

export function shownSettings(settings: readonly Setting[]): ShownSetting[] {
  return settings.map(({ flag, value, source, origin, over }) => ({
    name: flag.name,
    value: flag.type === "secret" && value !== "" ? MASK : value,
    source,
    origin,
    over,
  }));
}
