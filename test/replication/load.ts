// Clients that write to a server without pause, and remember what they were told is stored.

import { setTimeout as sleep } from "node:timers/promises";
import { ServerProcess } from "../../scripts/server-process.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport } from "../../src/client/node.ts";

/** A write that was acknowledged. */
export interface Acknowledged {
  readonly key: string;
  readonly value: string;
  readonly txId: bigint;
}

const RECONNECT_MS = 20;

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly #address: string;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #count = 0;

  /** Begins at once. */
  constructor(address: string, writers: number) {
    this.#address = address;
    this.#running = Promise.all(Array.from({ length: writers }, (_, i) => this.#write(i)));
  }

  /** Ends: writes that have no answer by now count as not acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** A server that is gone is looked for again. */
  async #write(writer: number): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const transport = createNodeTransport(this.#address);
      const cut = (): void => transport.close();
      this.#stopping.signal.addEventListener("abort", cut, { once: true });
      try {
        const client = new ImmuClient(transport, { address: this.#address });
        await client.openSession(ServerProcess.user, ServerProcess.password);
        while (!this.#stopping.signal.aborted) await this.#one(client, writer);
      } catch {
        await sleep(RECONNECT_MS);
      } finally {
        this.#stopping.signal.removeEventListener("abort", cut);
        transport.close();
      }
    }
  }

  async #one(client: ImmuClient, writer: number): Promise<void> {
    const number = ++this.#count;
    const [key, value] = [`key-${writer}-${number}`, `value ${number} ${"x".repeat(number % 300)}`];
    const { id } = await client.set(key, value);
    this.acknowledged.push({ key, value, txId: id });
  }
}
