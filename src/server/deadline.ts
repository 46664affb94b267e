// Deadlines further away than a timer can wait: the Connect library would set one that rings at once. Nobody waits that long, so
// such a deadline is none.

import { parseTimeout as parseConnectTimeout } from "@connectrpc/connect/protocol-connect";
import { parseTimeout as parseGrpcTimeout } from "@connectrpc/connect/protocol-grpc";

const TIMER_MS_MAX = 2 ** 31 - 1;

/** Whether this header says such a deadline. */
export function isEndlessDeadline(name: string, value: string): boolean {
  if (name === "grpc-timeout") return (parseGrpcTimeout(value, Number.POSITIVE_INFINITY).timeoutMs ?? 0) > TIMER_MS_MAX;
  if (name !== "connect-timeout-ms") return false;
  return (parseConnectTimeout(value, Number.POSITIVE_INFINITY).timeoutMs ?? 0) > TIMER_MS_MAX;
}
