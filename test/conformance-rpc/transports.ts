// The port of the product with the suite's service behind it, over either transport.

import { INFLIGHT_BYTES_MAX } from "../../src/base/limits.ts";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import { Browsers } from "../../src/server/browsers.ts";
import { ByteBudget } from "../../src/server/byte-budget.ts";
import { openDoors, type Transport } from "../../src/server/doors.ts";
import { Port } from "../../src/server/port.ts";
import { conformanceRoutes } from "./service.ts";

/** The stock one first: ours is held against it. */
export const TRANSPORTS: readonly Transport[] = ["node", "own"];

/** Serves on a free port of the loopback address until the process ends. */
export async function serve(transport: Transport, messageBytesMax: number): Promise<Port> {
  const doors = openDoors(
    {
      routes: conformanceRoutes,
      routerOptions: { acceptCompression: [], readMaxBytes: messageBytesMax },
      // The short way has no header fields and trailers of a handler's own, which nearly every case asks for.
      unary: new Map(),
      requestStreams: new Map(),
      page: new Map(),
      browsers: new Browsers({ origins: [], hosts: undefined }),
      headers: {},
      messageBytesMax,
      budget: new ByteBudget(INFLIGHT_BYTES_MAX),
      publicBudget: new ByteBudget(INFLIGHT_BYTES_MAX),
      stopping: new AbortController().signal,
      logger: silentLogger,
      meter: silentMeter,
    },
    transport,
  );
  return await Port.listen({ address: "127.0.0.1", port: 0, ...doors });
}
