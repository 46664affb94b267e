// The real server on a simulated machine, without sockets: everything from the pipeline down to the engine seam is what
// `npm start` runs. A call goes through protobuf both ways, as it would on a wire. Once the process is dead, calls under way
// end as they would for a client: the connection is gone.

import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CredentialStore } from "../../src/auth/credential-store.ts";
import { type KeyDerivation, PasswordHasher } from "../../src/auth/password.ts";
import { Sessions } from "../../src/auth/sessions.ts";
import { Tokens } from "../../src/auth/tokens.ts";
import { Users } from "../../src/auth/users.ts";
import type { Clock, Timers } from "../../src/base/clock.ts";
import { type Logger, silentMeter } from "../../src/base/observe.ts";
import type { Random } from "../../src/base/random.ts";
import type { DataDirectory } from "../../src/database/data-directory.ts";
import { DatabaseManager } from "../../src/database/manager.ts";
import { DatabaseActivity } from "../../src/services/activity.ts";
import type { CallContext } from "../../src/services/call.ts";
import { failed } from "../../src/services/call-end.ts";
import { allMethods } from "../../src/services/methods.ts";
import { identify, type Room, type ServedMethod } from "../../src/services/pipeline.ts";
import { serve } from "../../src/services/serve.ts";
import type { EngineDriver } from "../../src/store/engine.ts";

/** What the server finds on its machine. */
export interface Machine {
  readonly directory: DataDirectory;
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** How many databases may be open at once. */
  readonly activeMax: number;
}

/** The process died while the call was under way: nobody knows what became of it. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

export const IDLE_MS = 300_000;

export class SimulatedServer {
  readonly #room: Room;
  readonly #methods: ReadonlyMap<unknown, ServedMethod>;
  readonly #opened: AsyncDisposableStack;
  readonly #died: PromiseWithResolvers<never> = Promise.withResolvers();

  private constructor(room: Room, opened: AsyncDisposableStack) {
    this.#room = room;
    this.#opened = opened;
    this.#methods = new Map(allMethods(room, undefined).map((method) => [method.descriptor, method]));
    this.#died.promise.catch(() => undefined);
  }

  /** Opens the data directory and whom it serves, as the server's main does. */
  static async start(machine: Machine): Promise<SimulatedServer> {
    const { directory, driver, clock, timers, random, logger, activeMax } = machine;
    await using opened = new AsyncDisposableStack();
    const databases = opened.use(
      await DatabaseManager.open({ directory, driver, clock, timers, random, logger, activeMax }),
    );
    const credentials = opened.use(await CredentialStore.open(driver, `${directory.path}/server-credentials`));
    const users = new Users(credentials, new PasswordHasher(random, CHEAP, derive), clock);
    await users.ensureSuperadmin("immudb");
    const limits = { sessionsMax: 100, idleMs: IDLE_MS, ageMs: Number.POSITIVE_INFINITY };
    const room: Room = {
      databases,
      users,
      sessions: new Sessions(limits, clock, random),
      tokens: new Tokens(86_400_000, clock, random),
      authentication: true,
      activity: new DatabaseActivity(clock),
      clock,
      logger,
      meter: silentMeter,
      completed: () => undefined,
    };
    return new SimulatedServer(room, opened.move());
  }

  /** Identity that clients keep. */
  get uuid(): string {
    return this.#room.databases.serverUuid;
  }

  /** Throws CallFailure when the server refuses, ConnectionLost when it dies meanwhile. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    session: string | undefined,
  ): Promise<MessageShape<O>> {
    const served = this.#methods.get(method) as ServedMethod;
    const message = fromBinary(method.input, toBinary(method.input, create(method.input, request)));
    const answer = await Promise.race([this.#died.promise, this.#served(served, message, session)]);
    return fromBinary(method.output, toBinary(method.output, create(method.output, answer as MessageInitShape<O>)));
  }

  /** Lets accepted calls end, syncs and closes. */
  close(): Promise<void> {
    return this.#opened.disposeAsync();
  }

  /** The process is gone. */
  die(): void {
    this.#died.reject(new ConnectionLost());
  }

  async #served(method: ServedMethod, message: unknown, session: string | undefined): Promise<object> {
    const call: CallContext = {
      signal: NEVER,
      peer: "127.0.0.1",
      header: (name) => (name === "sessionid" ? session : undefined),
      caller: undefined,
      identifiedMs: 0,
      database: undefined,
    };
    try {
      call.caller = identify(method, call, this.#room);
    } catch (error) {
      throw failed(method, call, error, this.#room);
    }
    return serve(method, message, call, this.#room);
  }
}

const NEVER = new AbortController().signal;
const CHEAP = { N: 2, r: 1, p: 1 };

/** No thread pool: when that answers is up to the machine, not to the seed. */
const derive: KeyDerivation = async (password, salt, length) =>
  new Uint8Array(createHash("sha256").update(salt).update(password).digest()).subarray(0, length);
