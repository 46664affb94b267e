// The services as a client sees them, without a socket: real databases in a temporary directory behind an in-memory
// transport. Time is the test's, passwords are cheap to check, and what is logged can be looked at.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/immudb/schema/error_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { CredentialStore } from "../../src/auth/credential-store.ts";
import { PasswordHasher } from "../../src/auth/password.ts";
import type { PasswordRules } from "../../src/auth/password-rules.ts";
import type { Permission } from "../../src/auth/permissions.ts";
import { Sessions } from "../../src/auth/sessions.ts";
import { Tokens } from "../../src/auth/tokens.ts";
import { Users } from "../../src/auth/users.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import { systemRandom } from "../../src/base/random.ts";
import { diskDirectory } from "../../src/database/data-directory.ts";
import { DatabaseManager } from "../../src/database/manager.ts";
import type { VerifyLive } from "../../src/database/verification.ts";
import { DatabaseActivity } from "../../src/services/activity.ts";
import type { CallRecord } from "../../src/services/call-record.ts";
import { gateOptions, peerKey, registerMethods } from "../../src/services/connect.ts";
import { allMethods } from "../../src/services/methods.ts";
import type { Room } from "../../src/services/pipeline.ts";
import type { SignState } from "../../src/services/verifiable.ts";
import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { CHEAP, TestClock } from "../unit/auth/support.ts";

/** Opens a session of the system administrator on the default database. */
export const ADMIN: { username: Uint8Array; password: Uint8Array; databaseName: string } = {
  username: utf8("immudb"),
  password: utf8("immudb"),
  databaseName: "defaultdb",
};

type Headers = Readonly<Record<string, string>>;

export interface ServiceOptions {
  readonly authentication?: boolean;
  readonly sessionsMax?: number;
  readonly passwordRules?: PasswordRules;
  /** Parts of the room that are not there otherwise. */
  readonly room?: Pick<Room, "anonymous" | "guard" | "userCalls">;
  readonly sessionsPerUserMax?: number;
  readonly sign?: SignState;
  /** Where calls seem to come from. */
  readonly peer?: string;
  readonly verify?: VerifyLive;
  readonly stampsWrites?: boolean;
}

export class Services {
  readonly clock: TestClock;
  /** Calls that were answered, oldest first. */
  readonly calls: CallRecord[] = [];
  readonly room: Room;
  readonly #credentials: CredentialStore;
  readonly #hasher: PasswordHasher;
  readonly #directory: string;
  readonly #options: ServiceOptions;

  private constructor(
    options: ServiceOptions,
    clock: TestClock,
    directory: string,
    databases: DatabaseManager,
    credentials: CredentialStore,
    hasher: PasswordHasher,
  ) {
    const { calls } = this;
    this.clock = clock;
    const { sessionsMax = 100, sessionsPerUserMax = Number.POSITIVE_INFINITY } = options;
    const limits = { sessionsMax, sessionsPerUserMax, idleMs: 300_000, ageMs: Number.POSITIVE_INFINITY };
    this.#options = options;
    this.#directory = directory;
    this.#credentials = credentials;
    this.#hasher = hasher;
    this.room = {
      databases,
      users: new Users(credentials, hasher, clock, options.passwordRules),
      sessions: new Sessions(limits, clock, systemRandom),
      tokens: new Tokens(86_400_000, clock, systemRandom),
      authentication: options.authentication ?? true,
      activity: new DatabaseActivity(clock),
      clock,
      logger: silentLogger,
      meter: silentMeter,
      completed: (call) => calls.push(call),
      verify: options.verify,
      stampsWrites: options.stampsWrites,
      ...options.room,
    };
  }

  static async open(options: ServiceOptions = {}): Promise<Services> {
    const directory = await mkdtemp(join(tmpdir(), "services-"));
    const [clock, random, driver] = [new TestClock(), systemRandom, lmdbDriver];
    const home = diskDirectory(directory, random);
    const databases = await DatabaseManager.open({ directory: home, driver, clock, random, logger: silentLogger });
    const credentials = await CredentialStore.open(driver, join(directory, "server-credentials"));
    const services = new Services(options, clock, directory, databases, credentials, new PasswordHasher(random, CHEAP));
    await new Users(credentials, services.#hasher, clock).ensureSuperadmin("immudb");
    return services;
  }

  /** A client of a service that sends these headers with every call. */
  client(headers: Headers = {}): Client<typeof ImmuService> {
    return this.clientOf(ImmuService, headers);
  }

  clientOf<Service extends DescService>(service: Service, headers: Headers = {}): Client<Service> {
    const methods = allMethods(this.room, this.#options.sign);
    const { requestGate } = gateOptions(methods, this.room);
    const { peer = "127.0.0.1" } = this.#options;
    const sendHeaders: Interceptor = (next) => (request) => {
      for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
      return next(request);
    };
    const transport = createRouterTransport((router) => registerMethods(router, methods, this.room), {
      transport: { interceptors: [sendHeaders] },
      router: {
        requestGate: (context) => {
          context.values.set(peerKey, peer);
          return requestGate?.(context);
        },
      },
    });
    return createClient(service, transport);
  }

  /** A client in a session of this user. */
  async session(user = "immudb", databaseName = "defaultdb"): Promise<Client<typeof ImmuService>> {
    const request = { username: utf8(user), password: utf8(user), databaseName };
    return this.client({ sessionid: (await this.client().openSession(request)).sessionID });
  }

  /** A user whose password is his name. */
  async addUser(name: string, permissions: Readonly<Record<string, Permission>>, active = true): Promise<void> {
    await this.#credentials.put({
      name,
      sysadmin: false,
      permissions: new Map(Object.entries(permissions)),
      sqlPrivileges: new Map(),
      active,
      createdBy: "immudb",
      createdAtMs: 0,
      password: await this.#hasher.hash(utf8(name)),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#credentials[Symbol.asyncDispose]();
    await this.room.databases.close();
    await rm(this.#directory, { recursive: true });
  }
}

/** How a call failed, as a client sees it. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
  /** The immudb code; absent when there are no details. */
  readonly info?: string;
  /** The cause that the details give, where it is not the text. */
  readonly cause?: string;
}

/** What `call` is refused with. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = ConnectError.from(
    await call.then(
      (answer) => {
        throw new Error(`answered: ${String(answer)}`);
      },
      (reason) => reason,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) return { code: error.code, text: error.rawMessage };
  if (error.findDetails(RetryInfoSchema).length !== 1) throw new Error("details without RetryInfo");
  const refusal = { code: error.code, text: error.rawMessage, info: info.code };
  return info.cause === error.rawMessage ? refusal : { ...refusal, cause: info.cause };
}
