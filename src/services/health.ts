// Is the server there, what is it, and is a database busy.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { AuthError } from "../auth/errors.ts";
import { COMPATIBLE_VERSION } from "../base/compatible-version.ts";
import { databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import type { Room } from "./pipeline.ts";

export function healthHandlers({ databases, activity, clock }: Room): Handlers<typeof ImmuService> {
  const startedAt = BigInt(Math.floor(clock.nowMs() / 1000));
  return {
    health: () => ({ status: true, version: COMPATIBLE_VERSION }),
    serverInfo: () => ({
      version: COMPATIBLE_VERSION,
      startedAt,
      numTransactions: databases.numTransactions(),
      numDatabases: databases.list().length,
      databasesDiskSize: BigInt(databases.diskSize()),
    }),
    databaseHealth: (_message, ctx) => {
      const { pending, lastCompletedMs } = activity.of(databaseOf(ctx).name);
      // Without the call that asks.
      return { pendingRequests: pending - 1, lastRequestCompletedAt: BigInt(lastCompletedMs) };
    },
    // Settings of the server are not changed through its interface.
    updateAuthConfig: () => {
      throw new AuthError("operation_not_supported", "authentication is configured at start");
    },
    updateMTLSConfig: () => {
      throw new AuthError("operation_not_supported", "TLS is configured at start");
    },
  };
}
