// Migrating into a running server of ours: it takes the transactions by ReplicateTx, into databases that are replicas meanwhile.

import { randomBytes } from "node:crypto";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../../gen/immudb/schema/service_pb.ts";
import { PermissionAction } from "../../../gen/immudb/schema/user_pb.ts";
import { utf8 } from "../../base/bytes.ts";
import { CLIENT_TIMEOUT_MS } from "../../base/limits.ts";
import { ImmuClient } from "../../client/client.ts";
import { credentialHeaders } from "../../client/credentials.ts";
import { createNodeTransport, type NodeTransport } from "../../client/node.ts";
import {
  lackedBy,
  type MigratedUser,
  type MigrationTarget,
  type OpenTarget,
  type SourceDatabase,
  type UserOutcome,
} from "../../replication/migration.ts";
import { UsageError } from "../exit-codes.ts";

const KEEP_ALIVE_MS = 60_000;
const DEFAULT_DATABASE = "defaultdb";

export interface ServerAccess {
  /** `host:port` or a URL. */
  readonly address: string;
  readonly user: string;
  readonly password: Uint8Array;
}

/** A server that takes what is migrated. Close it when done. */
export class ServerTarget implements MigrationTarget, AsyncDisposable {
  readonly #access: ServerAccess;
  readonly #transport: NodeTransport;
  readonly #admin: ImmuClient;
  readonly #rpc: Client<typeof ImmuService>;

  private constructor(access: ServerAccess) {
    this.#access = access;
    this.#transport = createNodeTransport(access.address);
    this.#admin = this.#client();
    this.#rpc = createClient(ImmuService, this.#transport);
  }

  static async connect(access: ServerAccess): Promise<ServerTarget> {
    const target = new ServerTarget(access);
    try {
      await target.#admin.openSession(access.user, access.password);
      return target;
    } catch (error) {
      target.#transport.close();
      throw error;
    }
  }

  async open({ name, settings }: SourceDatabase): Promise<OpenTarget> {
    const { databases } = await this.#rpc.databaseListV2({}, this.#call());
    const known = databases.find((database) => database.name === name);
    const replication = known?.settings?.replicationSettings;
    const isReplica = known === undefined || replication?.replica?.value === true;
    if (replication?.replica?.value === true && replication.primaryHost?.value) throw followsAnother(name);
    if (known === undefined) await this.#create(name, settings);
    else if (name === DEFAULT_DATABASE && !isReplica) throw defaultIsNoReplica(this.#access.address);
    let ready = isReplica ? Promise.resolve() : undefined;
    const client = this.#client();
    await client.openSession(this.#access.user, this.#access.password, name);
    return {
      state: async () => {
        const { precommittedTxId, precommittedTxHash, txId, txHash } = await client.currentState();
        return precommittedTxId > txId ? { txId: precommittedTxId, txHash: precommittedTxHash } : { txId, txHash };
      },
      apply: async (blob) => {
        ready ??= this.#setReplica(name, true);
        await ready;
        return await client.replicateTx(blob);
      },
      finish: async () => {
        if (name !== DEFAULT_DATABASE && ready !== undefined) await this.#setReplica(name, false);
      },
      [Symbol.asyncDispose]: () => client.close().catch(() => undefined),
    };
  }

  async addUser({ name, active, permissions, sqlPrivileges }: MigratedUser): Promise<UserOutcome> {
    const { users } = await this.#rpc.listUsers({}, this.#call());
    const known = users.find(({ user }) => new TextDecoder().decode(user) === name);
    if (known !== undefined) {
      const has = new Map(known.permissions.map(({ database, permission }) => [database, permission]));
      return { kind: "there", lacks: lackedBy(permissions, has) };
    }
    const { databases } = await this.#rpc.databaseListV2({}, this.#call());
    const granted = new Map([...permissions].filter(([wanted]) => databases.some(({ name }) => name === wanted)));
    const lacks = lackedBy(permissions, granted);
    const [first, ...more] = granted;
    if (first === undefined) return { kind: "left out", lacks };
    const [database, permission] = first;
    // Nobody knows this one: whoever administers the server sets another.
    const password = utf8(`${randomBytes(24).toString("base64url")}aA1!`);
    await this.#rpc.createUser({ user: utf8(name), password, permission, database }, this.#call());
    for (const [database, permission] of more) {
      const change = { action: PermissionAction.GRANT, username: name, database, permission };
      await this.#rpc.changePermission(change, this.#call());
    }
    const theirs = [...sqlPrivileges].filter(([database]) => granted.has(database));
    await this.#setSqlPrivileges(name, new Map(theirs));
    if (!active) await this.#rpc.setActiveUser({ active, username: name }, this.#call());
    return { kind: "new", lacks };
  }

  /** A permission brings privileges with it: more or fewer than he has at the source. */
  async #setSqlPrivileges(username: string, wanted: MigratedUser["sqlPrivileges"]): Promise<void> {
    const { users } = await this.#rpc.listUsers({}, this.#call());
    const has = users.find(({ user }) => new TextDecoder().decode(user) === username)?.sqlPrivileges ?? [];
    for (const [database, all] of wanted) {
      const there = has.flatMap((each) => (each.database === database ? each.privilege : []));
      const [more, fewer] = [
        all.filter((privilege) => !there.includes(privilege)),
        there.filter((privilege) => !all.includes(privilege)),
      ];
      const change = { username, database };
      const [given, taken] = [PermissionAction.GRANT, PermissionAction.REVOKE];
      if (more.length > 0)
        await this.#rpc.changeSQLPrivileges({ ...change, action: given, privileges: more }, this.#call());
      if (fewer.length > 0)
        await this.#rpc.changeSQLPrivileges({ ...change, action: taken, privileges: fewer }, this.#call());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close().catch(() => undefined);
    this.#transport.close();
  }

  async #create(name: string, settings: SourceDatabase["settings"]): Promise<void> {
    const { truncationSettings, ...plain } = settings;
    const wrapped = Object.entries(plain).flatMap(([setting, value]) =>
      value === undefined ? [] : [[setting, { value }]],
    );
    const truncation = Object.entries(truncationSettings ?? {}).flatMap(([setting, value]) =>
      value === undefined ? [] : [[setting, { value: BigInt(value) }]],
    );
    await this.#rpc.createDatabaseV2(
      {
        name,
        settings: {
          ...Object.fromEntries(wrapped),
          truncationSettings: Object.fromEntries(truncation),
          replicationSettings: { replica: { value: true } },
        },
      },
      this.#call(),
    );
  }

  async #setReplica(database: string, value: boolean): Promise<void> {
    await this.#rpc.updateDatabaseV2(
      { database, settings: { replicationSettings: { replica: { value } } } },
      this.#call(),
    );
  }

  #client(): ImmuClient {
    return new ImmuClient(this.#transport, { address: this.#access.address, keepAliveMs: KEEP_ALIVE_MS });
  }

  #call(): CallOptions {
    return { headers: credentialHeaders(this.#admin.credentials), timeoutMs: CLIENT_TIMEOUT_MS };
  }
}

function defaultIsNoReplica(address: string): UsageError {
  return new UsageError(
    `the default database of ${address} takes no transactions of another server`,
    "start that server with --replication-is-replica, and without it when this is done",
  );
}

function followsAnother(database: string): UsageError {
  return new UsageError(
    `the database ${database} follows a primary there`,
    "migrate to a server that has no such replica",
  );
}
