// The port of the product with the suite's service behind it, over either transport.

import { INFLIGHT_BYTES_MAX } from "../../src/base/limits.ts";
import { silentLogger, silentMeter } from "../../src/base/observe.ts";
import { ByteBudget } from "../../src/server/byte-budget.ts";
import { openDoors, type Transport } from "../../src/server/doors.ts";
import { Port } from "../../src/server/port.ts";
import { conformanceRoutes } from "./service.ts";

/** `node`: Connect's adapter over Node's HTTP/2. `own`: src/http2. */
export type { Transport };
export const TRANSPORTS: readonly Transport[] = ["node", "own"];

/** Serves on a free port of the loopback address until the process ends. */
export async function serve(transport: Transport, messageBytesMax: number): Promise<Port> {
  const stopping = new AbortController().signal;
  const doors = openDoors(
    {
      routes: conformanceRoutes,
      routerOptions: { acceptCompression: [], readMaxBytes: messageBytesMax, shutdownSignal: stopping },
      unary: new Map(),
      page: new Map(),
      headers: {},
      messageBytesMax,
      budget: new ByteBudget(INFLIGHT_BYTES_MAX),
      stopping,
      logger: silentLogger,
      meter: silentMeter,
    },
    transport,
  );
  return await Port.listen({ address: "127.0.0.1", port: 0, ...doors });
}
