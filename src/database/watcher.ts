import type { DatabaseSettings } from "./settings.ts";

/** Somebody who works on databases as long as they are served: retention, replication. The manager tells it; it must not throw. */
export interface DatabaseWatcher {
  /** The database takes calls from now on, with these settings. Told again for the same one: the settings may have changed. */
  served(database: string, settings: DatabaseSettings): void;
  /** It takes none any more: unloaded, deleted, or the server ends. */
  notServed(database: string): void;
}
