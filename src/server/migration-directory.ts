// Migrating into a data directory that no server uses: the databases are made there, and a server started on it has them.

import { join, resolve } from "node:path";
import { CREDENTIALS_DIRECTORY, CredentialStore } from "../auth/credential-store.ts";
import { PasswordHasher } from "../auth/password.ts";
import type { Permission } from "../auth/permissions.ts";
import { Users } from "../auth/users.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/observe.ts";
import { systemRandom } from "../base/random.ts";
import { diskDirectory } from "../database/data-directory.ts";
import { DatabaseManager } from "../database/manager.ts";
import { DEFAULT_DATABASE } from "../database/names.ts";
import { DEFAULT_REPLICATION_SETTINGS } from "../database/replication-settings.ts";
import type { MigratedUser, MigrationTarget, OpenTarget, SourceDatabase } from "../replication/migration.ts";
import { lmdbDriver } from "../store/engine-lmdb.ts";
import { useNodeSha256 } from "./node-sha256.ts";

const PERMISSIONS: ReadonlyMap<number, Permission> = new Map([
  [1, "read"],
  [2, "write"],
  [254, "admin"],
]);
const PASSWORD_BYTES = 48;
const AS_REPLICA = { replicationSettings: { replica: true } } as const;
const AS_PRIMARY = { replicationSettings: { replica: false } } as const;

export class DirectoryTarget implements MigrationTarget, AsyncDisposable {
  readonly #databases: DatabaseManager;
  readonly #users: Users;
  readonly #opened: AsyncDisposableStack;

  private constructor(databases: DatabaseManager, users: Users, opened: AsyncDisposableStack) {
    this.#databases = databases;
    this.#users = users;
    this.#opened = opened;
  }

  /** Opens a data directory, creating it when missing. Throws `locked` while a server uses it. */
  static async open(path: string): Promise<DirectoryTarget> {
    useNodeSha256();
    await using opened = new AsyncDisposableStack();
    const directory = diskDirectory(resolve(path), systemRandom);
    const [driver, clock, random, logger] = [lmdbDriver, systemClock, systemRandom, silentLogger];
    const defaultReplication = { ...DEFAULT_REPLICATION_SETTINGS, replica: true };
    const databases = opened.use(
      await DatabaseManager.open({ directory, driver, clock, random, logger, defaultReplication }),
    );
    const credentials = opened.use(await CredentialStore.open(driver, join(resolve(path), CREDENTIALS_DIRECTORY)));
    const users = new Users(credentials, new PasswordHasher(random), clock);
    return new DirectoryTarget(databases, users, opened.move());
  }

  async open({ name, settings }: SourceDatabase): Promise<OpenTarget> {
    const databases = this.#databases;
    const isDefault = name === DEFAULT_DATABASE;
    if (!isDefault) {
      const change = { ...settings, ...AS_REPLICA };
      const { alreadyExisted } = await databases.create(name, change, { ifNotExists: true, createdBy: "" });
      if (alreadyExisted) await databases.update(name, AS_REPLICA);
    }
    return {
      state: () =>
        databases.use(name, (database) => {
          const { precommittedTxId, precommittedTxHash } = database.state();
          return { txId: precommittedTxId, txHash: precommittedTxHash };
        }),
      apply: (blob) => databases.use(name, async (database) => (await database.replicateTx(blob)).header),
      // The default database is what the flags say when a server is started.
      finish: async () => void (isDefault || (await databases.update(name, AS_PRIMARY))),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async addUser({ name, active, permissions }: MigratedUser): Promise<boolean> {
    if (this.#users.get(name) !== undefined) return false;
    const granted = [...permissions].flatMap(([database, number]) => {
      const permission = PERMISSIONS.get(number);
      return permission === undefined ? [] : [[database, permission] as const];
    });
    const [first, ...more] = granted;
    if (first === undefined) return false;
    const [database, permission] = first;
    // Nobody knows this one: whoever administers the server sets another.
    const password = systemRandom.bytes(PASSWORD_BYTES);
    await this.#users.create({ name, password, database, permission, createdBy: "" });
    for (const [database, permission] of more) await this.#users.setPermission(name, database, permission);
    if (!active) await this.#users.setActive(name, active);
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
