// A workload: one kind of call, on which records, how many at a time, and what its answer has to be.

import assert from "node:assert/strict";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import type { Ground } from "../ground.ts";
import type { Lane } from "../load/run-load.ts";

/** How many calls are under way: so many on each of so many connections. */
export interface Shape {
  readonly connections: number;
  readonly each: number;
}

export const ALONE: Shape = { connections: 1, each: 1 };
export const MANY: Shape = { connections: 4, each: 7 };

export interface Workload {
  readonly name: string;
  /** `json` is Connect's JSON over HTTP/1.1, one call at a time on each connection. */
  readonly door: "grpc" | "json";
  readonly method: (typeof ImmuService)["methods"][number];
  /** Records that one call carries. */
  readonly entries: number;
  readonly shapes: readonly Shape[];
  /** Every so manieth answer is checked. */
  readonly checkEvery: number;
  readonly isWrite: boolean;
  /** Absent: every server can do it. */
  readonly isOffered?: (ground: Ground) => boolean;
  /** `number` is that of the lane, from 0. */
  lane(ground: Ground, number: number): Lane;
}

export function pathOf({ method }: Workload): string {
  return `/${method.parent.typeName}/${method.name}`;
}

export function inFlight({ connections, each }: Shape): number {
  return connections * each;
}

/** Turns through requests that were made before, from a place of its own, so that making them costs the load nothing. */
export class Ring<T> {
  readonly #items: readonly T[];
  #at: number;

  constructor(items: readonly T[], number: number) {
    this.#items = items;
    this.#at = (number * 997) % items.length;
  }

  /** The one that `next` returned last. */
  get current(): T {
    return this.#items[this.#at] as T;
  }

  next(): T {
    this.#at = (this.#at + 1) % this.#items.length;
    return this.current;
  }
}

export function requireSame(found: Uint8Array, wanted: Uint8Array, what: string): void {
  assert.ok(Buffer.compare(found, wanted) === 0, `${what} is not what was written`);
}
