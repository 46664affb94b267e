// The one place where the rooms are put together. What is opened is closed in reverse.

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock, systemTimers } from "../base/clock.ts";
import { PUBLIC_INFLIGHT_BYTES_MAX, SHUTDOWN_GRACE_MS } from "../base/limits.ts";
import type { Logger } from "../base/observe.ts";
import { systemRandom } from "../base/random.ts";
import { diskDirectory } from "../database/data-directory.ts";
import { DatabaseManager } from "../database/manager.ts";
import { Replicas } from "../replication/replicas.ts";
import { DatabaseActivity } from "../services/activity.ts";
import { gateOptions, registerMethods } from "../services/connect.ts";
import { allMethods } from "../services/methods.ts";
import type { Room } from "../services/pipeline.ts";
import { requestStreams } from "../services/request-streams.ts";
import { standardServices } from "../services/standard.ts";
import { unaryMethods } from "../services/unary.ts";
import { DiskSpace, freeSpaceOf } from "../store/disk-space.ts";
import { lmdbDriver } from "../store/engine-lmdb.ts";
import { openAccess } from "./access.ts";
import { warnOfPasswords } from "./administrator.ts";
import { AuditLog } from "./audit-log.ts";
import { Browsers } from "./browsers.ts";
import { ByteBudget } from "./byte-budget.ts";
import type { ServerConfig } from "./config.ts";
import { openDoors } from "./doors.ts";
import { openKeyFiles } from "./key-files.ts";
import { namesOfLog, requireLogApart } from "./log-place.ts";
import { useNodeSha256 } from "./node-sha256.ts";
import { loadPage } from "./page.ts";
import { Port } from "./port.ts";
import type { Reloads } from "./reload.ts";
import { verifyInChild } from "./verify-process.ts";
import { OWN_VERSION } from "./version.ts";
import { Watching } from "./watching.ts";

/** In the sources, and in what is built from them. */
const BUILT_PAGE = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../web/dist" : "./web", import.meta.url),
);

export interface RunningServer {
  readonly port: number;
  /** Where a client on this machine finds it. */
  readonly url: string;
  /** Where metrics and health are; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  /** Data directory, absolute. */
  readonly directory: string;
  readonly uuid: string;
  /** Lets calls under way end, syncs and closes everything. Further calls wait for the first. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly logger: Logger;
  /** Gets what can be read again while the server runs. */
  readonly reloads?: Reloads;
}

/** Starts a server. Throws StartError, and what the rooms throw, with everything closed again. */
export async function startServer(config: ServerConfig, options: StartOptions): Promise<RunningServer> {
  useNodeSha256();
  await using opened = new AsyncDisposableStack();
  const directory = resolve(config.directory);
  const keys = await openKeyFiles(config, options, opened);
  const watching = opened.use(await Watching.start(config, keys.tls, options.logger));
  const space = diskSpace(config, directory, options.logger);
  const room = await openRoom(config, directory, options.logger, { watching, space }, opened);
  const methods = allMethods(room, keys.signingKey?.sign);

  const stopping = new AbortController();
  const registerStandard = standardServices(methods, stopping.signal, { reflection: config.reflection });
  const uuid = room.databases.serverUuid;
  const { messageBytesMax } = config;
  const budget = new ByteBudget(config.inflightBytesMax);
  const browsers = new Browsers(config.browsers);
  const doors = openDoors(
    {
      routes: (router) => {
        registerStandard(router);
        registerMethods(router, methods, room);
      },
      routerOptions: {
        ...gateOptions(methods, room),
        // The original never compresses, and on one machine it costs more than it saves.
        acceptCompression: [],
        readMaxBytes: messageBytesMax,
        shutdownSignal: stopping.signal,
      },
      unary: unaryMethods(methods, room, messageBytesMax),
      requestStreams: requestStreams(methods),
      page: await loadPage(BUILT_PAGE),
      browsers,
      headers: { "immudb-uuid": uuid, "immudb-ts-version": OWN_VERSION, ...browsers.headers },
      messageBytesMax,
      budget,
      publicBudget: new ByteBudget(PUBLIC_INFLIGHT_BYTES_MAX, "for callers who have not logged in"),
      proxies: config.proxies,
      stopping: stopping.signal,
      logger: options.logger,
      meter: room.meter,
    },
    config.transport,
  );
  const port = await Port.listen({
    address: config.address,
    port: config.port,
    tls: keys.tls,
    logger: options.logger,
    ...doors,
  });
  const warned = warnOfPasswords(room.users, config, options.logger).catch((error: unknown) =>
    options.logger.warn({ err: error }, "the password of the system administrator could not be checked"),
  );
  opened.defer(() => warned);
  watching.started({ room, methods, space, inflight: budget });
  opened.defer(async () => {
    watching.stopping();
    stopping.abort();
    await port.close(SHUTDOWN_GRACE_MS);
  });

  const toClose = opened.move();
  let closed: Promise<void> | undefined;
  return {
    port: port.number,
    metricsPort: watching.metricsPort,
    url: `${keys.tls === undefined ? "http" : "https"}://${reachable(config.address)}:${port.number}`,
    directory,
    uuid,
    close: () => (closed ??= toClose.disposeAsync()),
  };
}

/** Databases, and who may use them. */
async function openRoom(
  config: ServerConfig,
  directory: string,
  logger: Logger,
  { watching, space }: { readonly watching: Watching; readonly space: DiskSpace },
  opened: AsyncDisposableStack,
): Promise<Room> {
  const [clock, random, driver] = [systemClock, systemRandom, lmdbDriver];
  const home = diskDirectory(directory, random);
  const { meter } = watching;
  const replicas = new Replicas({ clock, timers: systemTimers, random, logger, meter });
  watching.replicas = replicas;
  const takenNames = namesOfLog(config, directory);
  const { activeDatabasesMax: activeMax, anonymous } = config;
  const limited = { space, activeMax, takenNames, isQuiet: anonymous.maintenance };
  const replicated = { watcher: replicas, defaultReplication: config.replication };
  const databases = opened.use(
    await DatabaseManager.open({ directory: home, driver, clock, random, logger, meter, ...limited, ...replicated }),
  );
  requireLogApart(takenNames, databases);
  opened.use(replicas.start(databases));
  const access = await openAccess({ config, directory, databases, clock, random, driver, logger }, opened);
  const kinds = config.auditKinds;
  const auditParts = { databases, clock, timers: systemTimers, logger, meter };
  const audit = kinds && opened.use(await AuditLog.open({ ...auditParts, kinds }));

  return {
    databases,
    ...access,
    activity: new DatabaseActivity(clock),
    clock,
    logger,
    meter,
    audit,
    ...watching.ofCalls,
    stampsWrites: config.stampsWrites,
    verify: (database, known, signal) =>
      verifyInChild({ database, directory: join(directory, database), live: true, known, hadTransactions: 0n }, signal),
  };
}

function diskSpace(config: ServerConfig, directory: string, logger: Logger): DiskSpace {
  const watermarkBytes = config.diskLowWatermarkBytes;
  return new DiskSpace({ free: freeSpaceOf(directory), watermarkBytes, clock: systemClock, logger });
}

function reachable(address: string): string {
  if (address === "0.0.0.0" || address === "::" || address === "") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}
