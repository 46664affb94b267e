// Which databases there are, as their clients know it. Calls that create, load, unload or delete one leave what they change
// unknown until they are answered; a start of the server, which opens every database, settles it.

import { Ledger } from "./ledger.ts";
import type { SimulatedClock } from "./weather.ts";

export interface KnownDatabase {
  readonly name: string;
  readonly ledger: Ledger;
  /** `maybe`: a call that creates it was not answered, or not with yes or no. */
  exists: "yes" | "no" | "maybe";
  /** The same of a call that deletes it, under way or ended. */
  mayBeDeleted: boolean;
  /** undefined: not known. */
  loaded: boolean | undefined;
  /** Calls that change the above: under way, and begun or ended so far. */
  changing: number;
  changes: number;
  damage: Damage;
  /** Whether the outcome of a write is unknown since the server was started: it takes no more of them then. */
  mayBeReadOnly: boolean;
}

/** What a flipped bit may spoil, while it is. */
export interface Damage {
  readonly isThere: boolean;
  /** The transactions whose rows it is in. */
  readonly txs: ReadonlySet<bigint>;
  /** Whether opening the database reads it, and may take the whole database out of service. */
  readonly isOpenedBy: boolean;
}

export const UNDAMAGED: Damage = { isThere: false, txs: new Set(), isOpenedBy: false };

export class KnownDatabases {
  readonly #clock: SimulatedClock;
  readonly #byName = new Map<string, KnownDatabase>();

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
    this.add("defaultdb", Number.POSITIVE_INFINITY).exists = "yes";
  }

  /** A name that a client is about to create, or the default one. `retentionMs`: how long it keeps values. */
  add(name: string, retentionMs: number): KnownDatabase {
    const database: KnownDatabase = {
      name,
      ledger: new Ledger(retentionMs, this.#clock),
      exists: "maybe",
      mayBeDeleted: false,
      loaded: undefined,
      changing: 0,
      changes: 0,
      damage: UNDAMAGED,
      mayBeReadOnly: false,
    };
    this.#byName.set(name, database);
    return database;
  }

  get(name: string): KnownDatabase {
    return this.#byName.get(name) as KnownDatabase;
  }

  all(): KnownDatabase[] {
    return [...this.#byName.values()];
  }

  /** What the list of a server that has just started says. Returns what is wrong with it. */
  settle(listed: readonly string[]): string[] {
    const findings: string[] = [];
    for (const database of this.all()) {
      const isThere = listed.includes(database.name);
      if (isThere && database.exists === "no") findings.push(`database ${database.name} was deleted, and is there`);
      if (!isThere && database.exists === "yes" && !database.mayBeDeleted)
        findings.push(`database ${database.name} is gone`);
      database.exists = isThere ? "yes" : "no";
      database.mayBeDeleted = false;
      database.mayBeReadOnly = false;
      database.loaded = isThere;
    }
    for (const name of listed) if (!this.#byName.has(name)) findings.push(`database ${name} was created by nobody`);
    return findings;
  }
}

/** What a flipped bit in a row of a transaction may spoil in a log that ends with `last`; undefined: another row. */
export function damageOf(txId: bigint | undefined, last: bigint): Damage {
  if (txId === undefined) return { isThere: true, txs: new Set(), isOpenedBy: true };
  const isOpenedBy = [last, ...peakEnds(last), ...peakEnds(last - 1n)].includes(txId);
  return { isThere: true, txs: new Set([txId]), isOpenedBy };
}

/** Last leaves of the complete subtrees that a history tree of that size consists of: their nodes are read at the start. */
function peakEnds(size: bigint): bigint[] {
  const ends: bigint[] = [];
  let end = 0n;
  for (let leaves = 1n << 62n; leaves > 0n; leaves >>= 1n) {
    if ((size & leaves) === 0n) continue;
    end += leaves;
    ends.push(end);
  }
  return ends;
}

/** Runs a call that changes whether a database is there or loaded. */
export async function changing(database: KnownDatabase, call: () => Promise<void>): Promise<void> {
  database.changing++;
  database.changes++;
  database.loaded = undefined;
  try {
    await call();
  } finally {
    database.changing--;
    database.changes++;
  }
}

/** Notes that a call has made a database loaded or not, unless another one may have changed that meanwhile. */
export function settleLoaded(database: KnownDatabase, loaded: boolean): void {
  database.loaded = database.changing === 1 ? loaded : undefined;
}

/** Whether a call that began when so many `changes` had been made may find the database closed or gone. */
export function mayBeClosed(database: KnownDatabase, changesThen: number): boolean {
  return database.loaded !== true || database.changing > 0 || database.changes !== changesThen;
}
