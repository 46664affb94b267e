// Whole transactions.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { txToWire } from "../wire/tx.ts";
import { databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import { txFromRequest, txScanFromWire } from "./requests.ts";

export const transactionHandlers: Handlers<typeof ImmuService> = {
  txById: (message, ctx) => txToWire(databaseOf(ctx).txById(txFromRequest(message))),
  txScan: (message, ctx) => ({ txs: databaseOf(ctx).txScan(txScanFromWire(message)).map(txToWire) }),
};
