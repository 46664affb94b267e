// Those who read and verify on the tour: each has a connection and a memory of its own, which outlives the server, so that
// what it trusted before the restart is what the server is held to after it.

import { type DescMessage, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { ContextValues, Transport, UnaryResponse } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { createNodeTransport, type NodeTransport } from "../../src/client/node.ts";
import { MemoryStateStore, type StateStore } from "../../src/client/trusted-state.ts";

/** Several clients of one server, one connection each. */
export interface Readers extends AsyncDisposable {
  readonly clients: readonly ImmuClient[];
}

/** What readers keep from one server process to the next. */
export interface ReaderMemory {
  readonly stores: readonly StateStore[];
  /** Bytes of every VerifiableEntry that was answered, as encoded in protobuf. */
  readonly proofBytes: number[];
}

export function newMemory(readers: number): ReaderMemory {
  return { stores: Array.from({ length: readers }, () => new MemoryStateStore()), proofBytes: [] };
}

/** Connects them to the server at `address`, in one session. */
export async function connectReaders(
  address: string,
  user: string,
  password: string,
  memory: ReaderMemory,
): Promise<Readers> {
  const transports = memory.stores.map(() => createNodeTransport(address));
  const login = new ImmuClient(transports[0] as NodeTransport, { address });
  await login.openSession(user, password);
  const clients = memory.stores.map((store, i) => {
    const transport = weighing(transports[i] as NodeTransport, memory.proofBytes);
    // A name instead of the address: the port changes with every start of the server.
    return new ImmuClient(transport, { address: "the tour's server", store, credentials: login.credentials });
  });
  return {
    clients,
    [Symbol.asyncDispose]: async () => {
      await login.close();
      for (const transport of transports) transport.close();
    },
  };
}

/** The transport, noting the size of each answer to VerifiableGet. */
function weighing(inner: Transport, bytes: number[]): Transport {
  return {
    stream: inner.stream,
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: Parameters<Transport["unary"]>[3],
      input: MessageInitShape<I>,
      contextValues?: ContextValues,
    ): Promise<UnaryResponse<I, O>> {
      const response = await inner.unary(method, signal, timeoutMs, header, input, contextValues);
      const isProof = (method as DescMethodUnary) === ImmuService.method.verifiableGet;
      if (isProof) bytes.push(toBinary(method.output, response.message).length);
      return response;
    },
  };
}
