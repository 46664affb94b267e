// The engine seam: the few calls that the ledger needs of an ordered key-value environment, small enough that LMDB and the
// simulated engine of the tests both offer them. One contract suite (test/contract/engine) runs over both.
//
// Promises every engine keeps:
//   - write() is atomic: after a crash all of a batch is there or none of it.
//   - write() of a durable engine resolves only when the batch is on disk; of an unsynced one when it is committed.
//   - what a durable engine shows when it is opened is on disk: the process that wrote it may have died before it was synced.
//   - writes become visible in the order of the calls, and no earlier than they are committed.
//   - write() is all or nothing also when what fills the batch throws.
//   - reads between two awaits may come from one snapshot; after refresh() they see every resolved write.
//   - after a failed write reads may throw `closed` until the environment could be opened again, which reads and writes try.
//   - after close() everything is on disk, and reads and writes throw `closed`.

export interface EngineOptions {
  /** true: write() resolves when the batch is on disk. false: a power cut may lose or damage the whole environment. */
  readonly durable: boolean;
  /** true: an environment that is there is only read, beside whoever writes it; a table that is missing is empty. */
  readonly readOnly?: boolean;
  /**
   * true: the last process that had it open died, and a damaged page may be why. Nothing that was not looked at reaches what
   * could end this process, too.
   */
  readonly distrusted?: boolean;
  /** true: whoever had it open last closed it, so all that it shows is on disk. Default false. */
  readonly closedCleanly?: boolean;
  /** Called by each write until it resolved once; a write begins when it has, and rejects when it does. */
  readonly beforeWrites?: (() => Promise<void>) | undefined;
}

/** Opens environments by directory; what a simulation replaces. */
export interface EngineDriver {
  /** Throws `damaged` for one that cannot be opened. */
  open(directory: string, options: EngineOptions): Promise<Engine>;
  /** Removes an environment that is not open. Nothing happens when there is none. */
  destroy(directory: string): Promise<void>;
  /** Whether there is an environment. */
  exists(directory: string): Promise<boolean>;
  /** Gives an environment another directory, durably; readers that have it open go on. */
  move(from: string, to: string): Promise<void>;
  /** Looks at an environment without opening it. Throws `damaged` when it cannot be opened; nothing when there is none. */
  check(directory: string): Promise<void>;
  /** Reads an environment to its end where that can do no harm. `unfinished`: it takes too long. Throws `damaged`. */
  probe(directory: string): Promise<"whole" | "unfinished">;
}

/** One environment: named tables that are written together. */
export interface Engine {
  /**
   * Of a distrusted environment that is served before all of it was looked at; absent: it was. Resolves when all of it is
   * sound; rejects with `damaged`, or with what kept it from being looked at: it must be closed then. Until then some writes wait.
   */
  readonly sound?: Promise<void>;
  /** The table of that name, created when missing. Call it before the first write. */
  table(name: string): Table;
  /** Calls `fill` at once and commits what it put and removed, atomically. Rejects when nothing is known to be stored. */
  write(fill: (batch: WriteBatch) => void): Promise<void>;
  /** Drops the current read snapshot. */
  refresh(): void;
  /** Bytes of the environment on disk. */
  sizeBytes(): number;
  /** Resolves when every write that has resolved is on disk, also of an engine that is not durable. */
  sync(): Promise<void>;
  /**
   * Writes what is committed into a directory that is new, as an environment of its own, packed: without the room that
   * removed and replaced rows have left. Reads and writes go on.
   */
  copy(directory: string): Promise<void>;
  /** Waits for writes under way, then syncs and closes. Safe to call twice. */
  close(): Promise<void>;
}

export interface Table {
  /** A copy of the value, owned by the caller. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** The value where it lies: as get() without the copy. Good until the next read of any table; not to be changed. */
  peek(key: Uint8Array): PeekedValue | undefined;
  /** Rows in key order (bytewise), or from the end when `reverse`. Each row is owned by the caller. */
  range(options: RangeOptions): Iterable<Row>;
}

/** The first `length` bytes; what follows belongs to nothing. */
export interface PeekedValue {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** What peek() answers where values are copied anyway. */
export function peekedCopy(value: Uint8Array | undefined): PeekedValue | undefined {
  return value === undefined ? undefined : { bytes: value, length: value.length };
}

export interface RangeOptions {
  /** Inclusive lower bound; absent: from the first key. */
  readonly from?: Uint8Array | undefined;
  /** Exclusive upper bound; absent: to the last key. */
  readonly to?: Uint8Array | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface WriteBatch {
  put(table: Table, key: Uint8Array, value: Uint8Array): void;
  remove(table: Table, key: Uint8Array): void;
}
