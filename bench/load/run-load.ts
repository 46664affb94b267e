// A fixed number of calls under way for a while: each lane sends its next request when the one before it was answered.

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Answer, Connection } from "./connection.ts";

/** What one lane does: one request after the other, and now and then a closer look at the answer. */
export interface Lane {
  /** The next request's message. */
  next(): Uint8Array;
  /** Looks at the answer to the last request: throws when it is not what it has to be. */
  check(answer: Uint8Array): void | Promise<void>;
}

export interface Load {
  readonly connections: readonly Connection[];
  /** Lane number i uses connection i modulo their number. */
  readonly lanes: readonly Lane[];
  /** Every so manieth answer of a lane is checked, its first among them. */
  readonly checkEvery: number;
  /** The run ends after so long, */
  readonly forMs: number;
  /** or when this many calls have been made. */
  readonly callsMax?: number | undefined;
}

/** What a run, or several of the same kind together, measured. */
export interface Lap {
  calls: number;
  checked: number;
  seconds: number;
  /** Nanoseconds from sending a request to having its answer. */
  readonly times: RecordableHistogram;
}

export function emptyLap(): Lap {
  return { calls: 0, checked: 0, seconds: 0, times: createHistogram() };
}

/** Runs the load and adds to `lap` what it measured. Rejects when a call fails or an answer is wrong. */
export async function runLoad(load: Load, lap: Lap = emptyLap()): Promise<Lap> {
  const began = performance.now();
  const budget = { calls: load.callsMax ?? Number.POSITIVE_INFINITY, untilMs: began + load.forMs };
  const lanes = load.lanes.map((lane, i) => runLane(lane, connectionOf(load, i), load.checkEvery, budget, lap));
  await Promise.race([Promise.all(lanes), ...load.connections.map(({ failed }) => failed)]);
  lap.seconds += (performance.now() - began) / 1000;
  return lap;
}

function connectionOf({ connections }: Load, lane: number): Connection {
  return connections[lane % connections.length] as Connection;
}

/** What all lanes of a run share. */
interface Budget {
  calls: number;
  readonly untilMs: number;
}

function runLane(lane: Lane, connection: Connection, checkEvery: number, budget: Budget, lap: Lap): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let started = 0;
  let calls = 0;
  const send = (): void => {
    started = performance.now();
    if (started >= budget.untilMs || budget.calls <= 0) {
      resolve();
      return;
    }
    budget.calls--;
    connection.send(lane.next(), answered);
  };
  const answered = (answer: Answer): void => {
    lap.times.record(Math.max(1, Math.round((performance.now() - started) * 1e6)));
    lap.calls++;
    if (calls++ % checkEvery === 0) check(answer);
    else send();
  };
  const check = (answer: Answer): void => {
    lap.checked++;
    try {
      const checked = lane.check(answer.message());
      if (checked === undefined) send();
      else checked.then(send, reject);
    } catch (error) {
      reject(error);
    }
  };
  send();
  return promise;
}
