// What the tests of the database room share: a database on a simulated disk with the store under it, a clock that a test moves,
// requests with everything that is not asked for left out, and texts instead of bytes.

import { utf8, utf8ToString } from "../../../src/base/bytes.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { Database, modesOf } from "../../../src/database/database.ts";
import type {
  GetRequest,
  HistoryRequest,
  Precondition,
  ScanRequest,
  SetRequest,
  TxRequest,
  TxScanRequest,
  ZScanRequest,
} from "../../../src/database/requests.ts";
import {
  type DatabaseSettingsChange,
  DEFAULT_DATABASE_SETTINGS,
  mergeSettings,
} from "../../../src/database/settings.ts";
import { plainKey, referenceValue } from "../../../src/proof/keys.ts";
import type { Entry, KvMetadata } from "../../../src/proof/model.ts";
import { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";

export const NOW_SECONDS = 1_700_000_000n;

export class TestClock implements Clock {
  seconds: number = Number(NOW_SECONDS);
  nowMs(): number {
    return this.seconds * 1000 + 500;
  }
}

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly store: Store;
  readonly clock: TestClock;
}

export async function testDatabase(change: DatabaseSettingsChange = {}): Promise<TestDatabase> {
  const clock = new TestClock();
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const settings = mergeSettings(DEFAULT_DATABASE_SETTINGS, change);
  const store = await Store.open({
    database: "testdb",
    directory: "simulated",
    place: disk.place(),
    driver: disk.driver(),
    settings,
    clock,
    logger: silentLogger,
    ...modesOf(settings),
  });
  const database = new Database({ name: "testdb", settings }, store, clock);
  return { database, store, clock, [Symbol.asyncDispose]: () => database.close() };
}

export function metadata(attributes: Partial<KvMetadata>): KvMetadata {
  return { deleted: false, expiresAt: undefined, nonIndexable: false, ...attributes };
}

export type Pair = readonly [key: string, value: string, metadata?: KvMetadata];

export function setRequest(pairs: readonly Pair[], preconditions: readonly Precondition[] = []): SetRequest {
  return {
    entries: pairs.map(([key, value, attributes]) => ({ key: utf8(key), value: utf8(value), metadata: attributes })),
    preconditions,
    noWait: false,
  };
}

/** Sets pairs in one transaction and says which it was. */
export async function set({ database }: TestDatabase, ...pairs: readonly Pair[]): Promise<bigint> {
  return (await database.set(setRequest(pairs))).id;
}

export async function remove({ database }: TestDatabase, ...keys: readonly string[]): Promise<bigint> {
  return (await database.delete({ keys: keys.map(utf8), sinceTx: 0n, noWait: false })).id;
}

/** Writes a reference as the service for references does. */
export async function refer({ store }: TestDatabase, key: string, to: string, atTx = 0n): Promise<bigint> {
  const entry = { key: plainKey(utf8(key)), value: referenceValue(utf8(to), atTx), metadata: undefined };
  return (await store.commit({ entries: [entry], preconditions: [], metadata: undefined })).id;
}

export function getRequest(key: string, asked: Partial<GetRequest> = {}): GetRequest {
  return { key: utf8(key), atTx: 0n, sinceTx: 0n, atRevision: 0n, noWait: false, ...asked };
}

export function scanRequest(asked: Partial<ScanRequest> = {}): ScanRequest {
  const nothing = new Uint8Array(0);
  return {
    prefix: nothing,
    seekKey: nothing,
    endKey: nothing,
    inclusiveSeek: false,
    inclusiveEnd: false,
    desc: false,
    offset: 0,
    limit: 0,
    sinceTx: 0n,
    noWait: false,
    ...asked,
  };
}

export function historyRequest(key: string, asked: Partial<HistoryRequest> = {}): HistoryRequest {
  return { key: utf8(key), offset: 0, limit: 0, desc: false, sinceTx: 0n, ...asked };
}

export function txRequest(tx: bigint, asked: Partial<TxRequest> = {}): TxRequest {
  return { tx, entriesSpec: undefined, sinceTx: 0n, noWait: false, keepReferencesUnresolved: false, ...asked };
}

export function txScanRequest(initialTx: bigint, asked: Partial<TxScanRequest> = {}): TxScanRequest {
  return { initialTx, limit: 0, desc: false, entriesSpec: undefined, sinceTx: 0n, noWait: false, ...asked };
}

/** An entry in short: "key=value@tx#revision", and through which reference it was reached. */
export function brief(entry: Entry): string {
  const { key, value, tx, revision, referencedBy: by } = entry;
  const reference = by === undefined ? "" : ` by ${utf8ToString(by.key)}@${by.tx}#${by.revision}`;
  return `${utf8ToString(key)}=${utf8ToString(value)}@${tx}#${revision}${reference}`;
}

/** The code of the error that `run` throws or rejects with; "none" when it does neither. */
export async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return "none";
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    return (error as { code: string }).code;
  }
}

/** All members of a sorted set. */
export function zScanRequest(set: Uint8Array): ZScanRequest {
  return {
    set,
    seekKey: utf8(""),
    seekScore: 0,
    seekAtTx: 0n,
    inclusiveSeek: false,
    minScore: undefined,
    maxScore: undefined,
    desc: false,
    offset: 0,
    limit: 0,
    sinceTx: 0n,
    noWait: false,
  };
}
