// Which databases are open: each when it is first called, and at most so many at once, since an open one costs memory, file
// descriptors and a lock. When there is no place for one more, the least recently called makes room.
//
//   closed ── call ──▶ opening ──▶ open ── the least recently called, no call under way ──▶ closing ──▶ closed
//
// Some places are kept free: when a call ends and fewer are, the least recently called is closed, so that the next call which
// has to open its database need not wait for another one's closing. When many such calls come at once, one that makes room is
// closed before its successor is opened. A call that finds every place taken by a database with calls under way is refused
// rather than made to wait: nobody knows for how long.

import { DatabaseError } from "./errors.ts";

/** Of so many places one is kept free. */
const PLACES_PER_FREE_ONE = 20;

/** What is opened and closed here. */
interface Closable {
  readonly name: string;
  close(): Promise<void>;
}

export interface ActiveParts<D extends Closable> {
  /** How many may be open at once, those being opened or closed included. At least 1. */
  readonly max: number;
  readonly open: (name: string) => Promise<D>;
  /** Must not fail: whoever asks for room is not to blame for what did not close. */
  readonly close: (database: D) => Promise<void>;
}

interface Place<D> {
  readonly opening: Promise<D>;
  /** Set once it is open. */
  database: D | undefined;
  /** Calls under way or waiting for it to be open. */
  calls: number;
  /** Counts up with every call of any database. */
  lastCall: number;
}

export class ActiveDatabases<D extends Closable> {
  readonly #parts: ActiveParts<D>;
  readonly #places = new Map<string, Place<D>>();
  /** Those that are being closed: they are opened again only when that is over. */
  readonly #closing = new Map<string, Promise<void>>();
  /** Of those, the ones whose place nobody has taken over. */
  #leaving = 0;
  #calls = 0;

  constructor(parts: ActiveParts<D>) {
    this.#parts = parts;
  }

  /** How many places are taken. */
  get size(): number {
    return this.#places.size + this.#leaving;
  }

  /** A database if it is open; for looking at, since it may be closed in any later turn. */
  peek(name: string): D | undefined {
    return this.#places.get(name)?.database;
  }

  /** A database that is open or about to be; undefined when it is neither. Rejects with what kept it from being opened. */
  opened(name: string): Promise<D> | undefined {
    return this.#places.get(name)?.opening;
  }

  /**
   * Begins a call, which keeps the database open until end(). Without a promise when it is open already. Throws
   * `databases_busy`, or rejects with what kept it from being opened; then nothing has begun.
   */
  begin(name: string): D | Promise<D> {
    const place = this.#places.get(name) ?? this.#take(name);
    place.calls++;
    place.lastCall = ++this.#calls;
    return place.database ?? place.opening;
  }

  /** Ends a call. */
  end(database: D): void {
    const place = this.#places.get(database.name);
    // It may have been closed and opened again while the call was under way.
    if (place?.database === database) place.calls--;
    this.#closeAhead();
  }

  /** Closes a database in spite of calls under way, which find it closed. Resolves when it is. */
  async close(name: string): Promise<void> {
    const place = this.#places.get(name);
    if (place === undefined) return this.#closing.get(name);
    const database = await place.opening.catch(() => undefined);
    if (database === undefined || this.#places.get(name) !== place) return this.#closing.get(name);
    this.#leaving++;
    await this.#close(name, database);
    this.#leaving--;
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#places.keys(), ...this.#closing.keys()].map((name) => this.close(name)));
  }

  #take(name: string): Place<D> {
    const room = this.#makeRoom();
    const opening = this.#open(name, [room, this.#closing.get(name)]);
    const place: Place<D> = { opening, database: undefined, calls: 0, lastCall: 0 };
    this.#places.set(name, place);
    opening.then(
      (database) => {
        place.database = database;
      },
      () => this.#places.delete(name),
    );
    return place;
  }

  async #open(name: string, before: readonly (Promise<void> | undefined)[]): Promise<D> {
    await Promise.all(before);
    return this.#parts.open(name);
  }

  /** What to wait for before one more is opened. Throws `databases_busy`. */
  #makeRoom(): Promise<void> | undefined {
    const { max } = this.#parts;
    if (this.size < max) return undefined;
    const idle = this.#leastRecentlyCalled();
    if (idle === undefined) {
      throw new DatabaseError("databases_busy", "every open database has calls under way", {
        limit: max,
        setting: "max-active-databases",
      });
    }
    return this.#close(idle.name, idle);
  }

  /** One at a time: it is done beside calls that are under way. */
  #closeAhead(): void {
    const { max } = this.#parts;
    const most = max - Math.floor(max / PLACES_PER_FREE_ONE);
    if (this.#places.size <= most || this.#closing.size > 0) return;
    const idle = this.#leastRecentlyCalled();
    if (idle === undefined) return;
    this.#leaving++;
    void this.#close(idle.name, idle).finally(() => {
      this.#leaving--;
      this.#closeAhead();
    });
  }

  /** Of the open ones without calls under way. */
  #leastRecentlyCalled(): D | undefined {
    let least: Place<D> | undefined;
    for (const place of this.#places.values()) {
      if (place.database === undefined || place.calls > 0) continue;
      if (least === undefined || place.lastCall < least.lastCall) least = place;
    }
    return least?.database;
  }

  #close(name: string, database: D): Promise<void> {
    this.#places.delete(name);
    const closed = this.#parts.close(database).finally(() => this.#closing.delete(name));
    this.#closing.set(name, closed);
    return closed;
  }
}
