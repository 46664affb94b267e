// The reads whose answers are streamed: the same as the others, but for their values, which are handed on by pieces.

import type { Entry, VerifiableEntry, ZEntry } from "../proof/model.ts";
import type { Store } from "../store/store.ts";
import { type LongValue, LongValues } from "./long-values.ts";
import { get, history, scan } from "./read.ts";
import type { GetRequest, HistoryRequest, ScanRequest, VerifiableGetRequest, ZScanRequest } from "./requests.ts";
import { zScan } from "./sorted-sets.ts";
import { requireProvable, verifiableEntry } from "./verifiable.ts";

/** What was found, with its value still to come. */
export interface Streamed<Found> {
  /** Its entry has no value when that is long. */
  readonly found: Found;
  /** Throws `damaged`, or `value_truncated` when it has gone meanwhile. */
  value(): Uint8Array | LongValue;
}

/** Reads of one state, which is that of the moment when they are made. */
export class StreamedReads {
  readonly #store: Store;
  readonly #values: LongValues;
  /** Unix seconds. */
  readonly #now: bigint;

  constructor(store: Store, now: bigint) {
    this.#store = store;
    this.#values = new LongValues(store);
    this.#now = now;
  }

  get(request: GetRequest): Streamed<Entry> {
    return this.#withValue(get(this.#values.reads, request, this.#now));
  }

  scan(request: ScanRequest): Streamed<Entry>[] {
    return scan(this.#values.reads, request, this.#now).map((entry) => this.#withValue(entry));
  }

  history(request: HistoryRequest): Streamed<Entry>[] {
    return history(this.#values.reads, request, this.#now).map((entry) => this.#withValue(entry));
  }

  zScan(request: ZScanRequest): Streamed<ZEntry>[] {
    return zScan(this.#values.reads, request, this.#now).map((found) => ({
      found,
      value: () => this.#values.valueOf(found.entry as Entry),
    }));
  }

  verifiableGet({ get: wanted, proveSinceTx }: VerifiableGetRequest): Streamed<VerifiableEntry> {
    requireProvable(this.#store, proveSinceTx);
    const { found: entry, value } = this.get(wanted);
    return { found: verifiableEntry(this.#store, wanted.key, entry, proveSinceTx), value };
  }

  #withValue(found: Entry): Streamed<Entry> {
    return { found, value: () => this.#values.valueOf(found) };
  }
}
