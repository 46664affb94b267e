// Keys and values, references and sorted sets: set, get, delete, list.

import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { entryToWire, zEntryToWire } from "../wire/entries.ts";
import { txHeaderToWire } from "../wire/tx-header.ts";
import { databaseOf } from "./call.ts";
import type { Handlers } from "./handlers.ts";
import {
  deleteFromWire,
  execAllFromWire,
  getAllFromWire,
  getFromWire,
  historyFromWire,
  referenceFromWire,
  scanFromWire,
  setFromWire,
  zAddFromWire,
  zScanFromWire,
} from "./requests.ts";

/** The header of a transaction just written reads as one read with its transaction. */
export const WRITTEN: { readonly emptyMetadata: boolean } = { emptyMetadata: true };

export const kvHandlers: Handlers<typeof ImmuService> = {
  set: async (message, ctx) => txHeaderToWire(await databaseOf(ctx).set(setFromWire(message)), WRITTEN),
  delete: async (message, ctx) => txHeaderToWire(await databaseOf(ctx).delete(deleteFromWire(message)), WRITTEN),
  setReference: async (message, ctx) =>
    txHeaderToWire(await databaseOf(ctx).setReference(referenceFromWire(message)), WRITTEN),
  zAdd: async (message, ctx) => txHeaderToWire(await databaseOf(ctx).zAdd(zAddFromWire(message)), WRITTEN),
  execAll: async (message, ctx) => txHeaderToWire(await databaseOf(ctx).execAll(execAllFromWire(message)), WRITTEN),
  zScan: (message, ctx) => ({ entries: databaseOf(ctx).zScan(zScanFromWire(message)).map(zEntryToWire) }),
  get: (message, ctx) => entryToWire(databaseOf(ctx).get(getFromWire(message))),
  getAll: (message, ctx) => ({ entries: databaseOf(ctx).getAll(getAllFromWire(message)).map(entryToWire) }),
  scan: (message, ctx) => ({ entries: databaseOf(ctx).scan(scanFromWire(message)).map(entryToWire) }),
  history: (message, ctx) => ({ entries: databaseOf(ctx).history(historyFromWire(message)).map(entryToWire) }),
  count: ({ prefix }, ctx) => ({ count: databaseOf(ctx).count(prefix) }),
  countAll: (_message, ctx) => ({ count: databaseOf(ctx).countAll() }),
};
