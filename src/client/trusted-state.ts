// What a client remembers of a server between verified calls, and the rules for changing it.
//
//   address ──pinned at first contact──▶ uuid            never changes (a person may forget the server)
//   (address, uuid, database) ─────────▶ {txId, txHash}  only moves forward, only after every check has passed
//
// The uuid is a claim of the server, so it never selects which state is trusted: the address does, and the uuid must agree
// (CVE-2022-39199: state looked up by uuid alone lets a server rename itself and start with a clean history).

import { equalBytes } from "../base/bytes.ts";
import type { State } from "../proof/model.ts";
import { ClientError } from "./errors.ts";
import { Turns } from "./turns.ts";

/** Where trusted states live. Implementations: `MemoryStateStore` here, `FileStateStore` in node.ts. */
export interface StateStore {
  /**
   * Runs `work` while no other verified operation on this database of this server runs, in this process or any other that
   * shares the store. Waiters of one process are served in order.
   */
  exclusively<T>(address: string, database: string, work: (slot: StateSlot) => Promise<T>): Promise<T>;
  /** How a person makes the store forget a server that was replaced on purpose, as a clause: "remove the folder …". */
  howToForget(address: string): string;
}

/** One database's memory, while nobody else can touch it. */
export interface StateSlot {
  /** The uuid pinned to this address, or undefined before first contact. */
  uuid(): Promise<string | undefined>;
  /** Pins a uuid if none is pinned yet. Returns the pinned one, which may be another. */
  pin(uuid: string): Promise<string>;
  state(): Promise<State | undefined>;
  /** Stores a newer state. Throws ClientError `state_moved` when the stored one is not `from` any more. */
  advance(from: State | undefined, to: State): Promise<void>;
}

/** Whether `stored` is exactly the state that an operation started from. */
export function sameState(a: State | undefined, b: State | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.txId === b.txId && equalBytes(a.txHash, b.txHash);
}

/** The rule that every store applies before it writes: compare and set, never backwards, never sideways. */
export function checkAdvance(stored: State | undefined, from: State | undefined, to: State): void {
  const sideways = stored !== undefined && stored.txId === to.txId && !equalBytes(stored.txHash, to.txHash);
  const backwards = stored !== undefined && to.txId < stored.txId;
  if (!sameState(stored, from) || sideways || backwards) {
    throw new ClientError(
      "state_moved",
      `the trusted state of database '${to.db}' changed while an operation was being verified; nothing was stored, run it again`,
      { stored: stored?.txId, from: from?.txId, to: to.txId },
    );
  }
}

/** Trusted state that lasts as long as the page or the process. */
export class MemoryStateStore implements StateStore {
  readonly #turns = new Turns();
  readonly #uuids = new Map<string, string>();
  readonly #states = new Map<string, State>();

  exclusively<T>(address: string, database: string, work: (slot: StateSlot) => Promise<T>): Promise<T> {
    const name = JSON.stringify([address, database]);
    return this.#turns.take(name, () => work(this.#slot(address, name)));
  }

  howToForget(): string {
    return "start anew (this client keeps what it trusts in memory only)";
  }

  #slot(address: string, name: string): StateSlot {
    return {
      uuid: async () => this.#uuids.get(address),
      pin: async (uuid) => {
        const pinned = this.#uuids.get(address) ?? uuid;
        this.#uuids.set(address, pinned);
        return pinned;
      },
      state: async () => this.#states.get(name),
      advance: async (from, to) => {
        checkAdvance(this.#states.get(name), from, to);
        this.#states.set(name, to);
      },
    };
  }
}
