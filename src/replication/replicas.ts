// All replicas of a server: one puller for each database that is served and follows a primary. A change of its settings begins
// anew; a database that is not served is not pulled.

import type { DatabaseManager } from "../database/manager.ts";
import { follows, isSameReplication, type ReplicationSettings } from "../database/replication-settings.ts";
import type { DatabaseSettings } from "../database/settings.ts";
import type { DatabaseWatcher } from "../database/watcher.ts";
import { localReplica } from "./local.ts";
import { connectPrimary } from "./primary.ts";
import { Puller, type PullerParts } from "./puller.ts";

export type ReplicasParts = Omit<PullerParts, "local" | "settings" | "connect">;

interface Replica {
  readonly settings: ReplicationSettings;
  readonly puller: Puller;
}

export class Replicas implements DatabaseWatcher, AsyncDisposable {
  readonly #parts: ReplicasParts;
  readonly #wanted = new Map<string, ReplicationSettings>();
  readonly #replicas = new Map<string, Replica>();
  /** Pullers that were stopped, and may still be at it: the next one of the same database waits for them. */
  readonly #stopping = new Map<string, Promise<void>>();
  #databases: DatabaseManager | undefined;

  constructor(parts: ReplicasParts) {
    this.#parts = parts;
  }

  /** Begins to pull: the databases can be worked on. */
  start(databases: DatabaseManager): this {
    this.#databases = databases;
    for (const name of this.#wanted.keys()) this.#follow(name);
    return this;
  }

  /** Those that have stopped for good, since they are another history than their primaries. */
  diverged(): string[] {
    return [...this.#replicas].flatMap(([database, { puller }]) => (puller.state === "diverged" ? [database] : []));
  }

  served(database: string, { replicationSettings }: DatabaseSettings): void {
    const running = this.#replicas.get(database);
    if (running !== undefined && isSameReplication(running.settings, replicationSettings)) return;
    this.notServed(database);
    if (!follows(replicationSettings)) return;
    this.#wanted.set(database, replicationSettings);
    if (this.#databases !== undefined) this.#follow(database);
  }

  notServed(database: string): void {
    this.#wanted.delete(database);
    const running = this.#replicas.get(database);
    if (running === undefined) return;
    this.#replicas.delete(database);
    const stopped = Promise.all([this.#stopping.get(database), running.puller.stop()]).then(() => {
      if (this.#stopping.get(database) === stopped) this.#stopping.delete(database);
    });
    this.#stopping.set(database, stopped);
  }

  /** Resolves when nothing is pulled any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#databases = undefined;
    for (const database of [...this.#replicas.keys()]) this.notServed(database);
    await Promise.all(this.#stopping.values());
  }

  #follow(database: string): void {
    const before = this.#stopping.get(database);
    if (before === undefined) this.#begin(database);
    else void before.then(() => this.#begin(database));
  }

  #begin(database: string): void {
    const settings = this.#wanted.get(database);
    if (settings === undefined || this.#databases === undefined || this.#replicas.has(database)) return;
    const local = localReplica(this.#databases, database);
    const puller = new Puller({ ...this.#parts, local, settings, connect: connectPrimary });
    this.#replicas.set(database, { settings, puller });
  }
}
