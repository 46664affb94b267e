// Migrating into a data directory that no server uses: the databases are made there, and a server started on it has them.

import { join, resolve } from "node:path";
import { CREDENTIALS_DIRECTORY, CredentialStore } from "../auth/credential-store.ts";
import { PasswordHasher } from "../auth/password.ts";
import { type Permission, SQL_PRIVILEGES } from "../auth/permissions.ts";
import { Users } from "../auth/users.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/observe.ts";
import { systemRandom } from "../base/random.ts";
import { diskDirectory } from "../database/data-directory.ts";
import { DatabaseManager } from "../database/manager.ts";
import { DEFAULT_DATABASE } from "../database/names.ts";
import { DEFAULT_REPLICATION_SETTINGS } from "../database/replication-settings.ts";
import {
  lackedBy,
  type MigratedUser,
  type MigrationTarget,
  type OpenTarget,
  type SourceDatabase,
  type UserOutcome,
} from "../replication/migration.ts";
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
    let ready: Promise<unknown> | undefined = isDefault ? Promise.resolve() : undefined;
    if (!isDefault) {
      const change = { ...settings, ...AS_REPLICA };
      const { info } = await databases.create(name, change, { ifNotExists: true, createdBy: "" });
      if (info.settings.replicationSettings.replica) ready = Promise.resolve();
    }
    return {
      state: () =>
        databases.use(name, (database) => {
          const { precommittedTxId, precommittedTxHash } = database.state();
          return { txId: precommittedTxId, txHash: precommittedTxHash };
        }),
      apply: async (blob) => {
        ready ??= databases.update(name, AS_REPLICA);
        await ready;
        return await databases.use(name, async (database) => (await database.replicateTx(blob)).header);
      },
      // The default database is what the flags say when a server is started.
      finish: async () => {
        if (!isDefault && ready !== undefined) await databases.update(name, AS_PRIMARY);
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async addUser({ name, active, permissions, sqlPrivileges }: MigratedUser): Promise<UserOutcome> {
    const wanted = new Map([...permissions].map(([database, number]) => [database, PERMISSIONS.get(number)]));
    const known = this.#users.get(name);
    if (known !== undefined) return { kind: "there", lacks: lackedBy(wanted, known.permissions) };
    const databases = this.#databases.list().map((info) => info.name);
    const granted = [...wanted].flatMap(([database, permission]) =>
      permission === undefined || !databases.includes(database) ? [] : [[database, permission] as const],
    );
    const lacks = lackedBy(wanted, new Map(granted));
    const [first, ...more] = granted;
    if (first === undefined) return { kind: "left out", lacks };
    const [database, permission] = first;
    // Nobody knows this one: whoever administers the server sets another.
    const password = systemRandom.bytes(PASSWORD_BYTES);
    await this.#users.create({ name, password, database, permission, createdBy: "" });
    for (const [database, permission] of more) await this.#users.setPermission(name, database, permission);
    for (const [database, privileges] of sqlPrivileges) {
      if (!granted.some(([its]) => its === database)) continue;
      await this.#users.changeSqlPrivileges(name, database, { action: "revoke", privileges: SQL_PRIVILEGES });
      const known = SQL_PRIVILEGES.filter((privilege) => privileges.includes(privilege));
      await this.#users.changeSqlPrivileges(name, database, { action: "grant", privileges: known });
    }
    if (!active) await this.#users.setActive(name, active);
    return { kind: "new", lacks };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
