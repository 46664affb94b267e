// grpc.health.v1: what load balancers and orchestrators ask. Open to everyone, and never a call of a database.
//
//   SERVING      the server takes calls, and at least one method of the service is built
//   NOT_SERVING  nothing of it is built, or the server is stopping
//
// The empty name stands for the whole server. A database that is out of service does not make it NOT_SERVING: the others are
// served, and a balancer that sent nobody any more would make it worse.

import { Code, ConnectError, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { HEALTH_WATCHES_MAX, PUBLIC_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import type { ServedMethod } from "./pipeline.ts";

const WHOLE_SERVER = "";

export class GrpcHealth {
  readonly #stopping: AbortSignal;
  /** By service: whether any of it is built. */
  readonly #services = new Map<string, boolean>([[WHOLE_SERVER, true]]);
  #watches = 0;

  /** `stopping` aborts when the server begins to stop. */
  constructor(methods: readonly ServedMethod[], stopping: AbortSignal) {
    this.#stopping = stopping;
    for (const { descriptor, handler } of methods) {
      const { typeName } = descriptor.parent;
      this.#services.set(typeName, this.#services.get(typeName) === true || handler !== undefined);
    }
  }

  register(router: ConnectRouter): void {
    const handlers: ServiceImpl<typeof Health> = {
      check: ({ service }) => ({ status: this.#known(service) }),
      list: () => ({
        statuses: Object.fromEntries(
          [...this.#services.keys()].map((service) => [service, { status: this.#known(service) }]),
        ),
      }),
      watch: ({ service }, { signal }) => this.#watch(service, signal),
    };
    router.service(Health, handlers, { readMaxBytes: PUBLIC_MESSAGE_BYTES_MAX });
  }

  #known(service: string): Status {
    const status = this.#status(service);
    if (status !== Status.SERVICE_UNKNOWN) return status;
    throw new ConnectError(`there is no service '${service}'`, Code.NotFound);
  }

  #status(service: string): Status {
    const isBuilt = this.#services.get(service);
    if (isBuilt === undefined) return Status.SERVICE_UNKNOWN;
    return isBuilt && !this.#stopping.aborted ? Status.SERVING : Status.NOT_SERVING;
  }

  /** All that can change is that the server stops: then its watchers are told, and let go. */
  async *#watch(service: string, gone: AbortSignal): AsyncGenerator<{ status: Status }> {
    if (this.#watches >= HEALTH_WATCHES_MAX) {
      throw new ConnectError(`more than ${HEALTH_WATCHES_MAX} watches: use Check`, Code.ResourceExhausted);
    }
    this.#watches++;
    try {
      const before = this.#status(service);
      yield { status: before };
      await aborted(this.#stopping, gone);
      const after = this.#status(service);
      if (after !== before) yield { status: after };
    } finally {
      this.#watches--;
    }
  }
}

/** Resolves when any of the signals has aborted. */
async function aborted(...signals: AbortSignal[]): Promise<void> {
  const any = AbortSignal.any(signals);
  if (any.aborted) return;
  await new Promise<void>((resolve) => any.addEventListener("abort", () => resolve(), { once: true }));
}
