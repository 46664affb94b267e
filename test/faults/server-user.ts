// A user of a server that something is done to: writes one key after the other with proofs, and notes what became of each.
// Afterwards everything is read back.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ServerProcess } from "../../scripts/server-process.ts";
import { utf8ToString } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { credentialHeaders } from "../../src/client/credentials.ts";
import { createNodeTransport, type NodeTransport } from "../../src/client/node.ts";
import { MemoryStateStore } from "../../src/client/trusted-state.ts";

const CALL_MS = 10_000;
/** What the server says of a write that it is sure not to have stored; without an answer the code is the same. */
const REFUSALS = /could not be stored|cannot be opened now/;

export class ServerUser {
  acknowledged = 0;
  refused = 0;
  unknown = 0;
  /** Texts of the refusals, each once. */
  readonly refusals: Set<string> = new Set();
  readonly findings: string[] = [];
  readonly #outcomes = new Map<string, "acknowledged" | "refused" | "unknown">();
  readonly #states = new MemoryStateStore();
  #transport: NodeTransport | undefined;
  #client: ImmuClient | undefined;
  #lastTime = 0n;

  get client(): ImmuClient {
    if (this.#client === undefined) throw new Error("not connected");
    return this.#client;
  }

  async connect(address: string): Promise<void> {
    this.disconnect();
    this.#transport = createNodeTransport(address);
    this.#client = new ImmuClient(this.#transport, { address: "the server of the faults", store: this.#states });
    await inTime(this.#client.openSession(ServerProcess.user, ServerProcess.password));
  }

  disconnect(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }

  /** Writes a key of its own. Whether it was acknowledged. */
  async write(): Promise<boolean> {
    const key = `key ${this.#outcomes.size + 1}`;
    try {
      const { header } = await inTime(this.client.verifiedSet(key, textOf(key)));
      if (header.ts < this.#lastTime) this.findings.push(`the time of transaction ${header.id} goes back`);
      this.#lastTime = header.ts;
      this.acknowledged++;
      this.#outcomes.set(key, "acknowledged");
      return true;
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      const outcome = isUndecided(error) ? "unknown" : "refused";
      this[outcome]++;
      this.refusals.add(error.message);
      this.#outcomes.set(key, outcome);
      return false;
    }
  }

  async writeTimes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.write();
  }

  /** Reads everything back, with proofs. */
  async readBack(): Promise<{ readonly lost: number }> {
    let lost = 0;
    for (const [key, outcome] of this.#outcomes) {
      const value = await this.#valueOf(key);
      const isThere = value === textOf(key);
      if (value !== undefined && !isThere) this.findings.push(`${key} has another value`);
      if (outcome === "acknowledged" && !isThere) {
        lost++;
        this.findings.push(`${key} was acknowledged, and is lost`);
      }
      if (outcome === "refused" && value !== undefined) this.findings.push(`${key} was refused, and is there`);
    }
    return { lost };
  }

  /** Reads keys that were acknowledged, while something is wrong. */
  async readSome(count: number): Promise<void> {
    const keys = [...this.#outcomes].filter(([, outcome]) => outcome === "acknowledged").map(([key]) => key);
    for (const key of keys.slice(-count)) {
      const value = await this.#valueOf(key);
      if (value !== textOf(key)) this.findings.push(`${key} cannot be read while the fault lasts`);
    }
  }

  async createDatabase(name: string): Promise<void> {
    const rpc = createClient(ImmuService, this.#transport as NodeTransport);
    await inTime(rpc.createDatabaseV2({ name }, { headers: credentialHeaders(this.client.credentials) }));
  }

  async #valueOf(key: string): Promise<string | undefined> {
    try {
      const { entry } = await inTime(this.client.verifiedGet(key));
      return utf8ToString(entry.value);
    } catch (error) {
      if (error instanceof ConnectError && error.rawMessage.includes("key not found")) return undefined;
      throw error;
    }
  }
}

function textOf(key: string): string {
  return `the value of ${key}`;
}

/** Whether the write may have been stored all the same: the server does not know, or could not answer. */
function isUndecided(error: ConnectError): boolean {
  const lostConnection = error.code === Code.Unavailable && !REFUSALS.test(error.rawMessage);
  return lostConnection || error.rawMessage.includes("it is not known whether") || error.code === Code.DeadlineExceeded;
}

/** Every call has an answer in a bounded time. */
export async function inTime<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CALL_MS} ms`)), CALL_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
