// Waiting in a simulation: turns of the event loop pass, and nothing may take for ever.

import { isPassing } from "./failures.ts";

/** Turns after which something hangs. */
const PATIENCE_TURNS = 20_000;

/** Lets `count` turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What `work` resolves with; undefined when `isOver` said so before, asked once a turn. Throws `hangs` when it never ends. */
export async function ended<T>(
  work: Promise<T>,
  hangs: string,
  isOver: (turn: number) => boolean = () => false,
): Promise<T | undefined> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  work.then(settle, settle);
  for (let turn = 0; !isSettled; turn++) {
    if (isOver(turn)) return undefined;
    if (turn === PATIENCE_TURNS) throw new Error(hangs);
    await turns(1);
  }
  return work;
}

const TRIES_MAX = 10;

/**
 * Tries for some time: databases in which old values are looked for may take all places for a moment, and what could not be
 * opened again after a failed write is so by whoever asks for it first, and who comes later finds it open.
 */
export async function whenServed<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error) || tries === TRIES_MAX) throw error;
    }
    await turns(tries);
  }
}
