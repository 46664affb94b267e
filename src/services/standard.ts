// The services that gRPC itself defines, beside ours: health, and reflection if it is wanted.

import type { ConnectRouter } from "@connectrpc/connect";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { GrpcHealth } from "./grpc-health.ts";
import type { ServedMethod } from "./pipeline.ts";
import { reflectionOf } from "./reflection.ts";

/** Returns what registers them, on any number of routers. `stopping` aborts when the server begins to stop. */
export function standardServices(
  methods: readonly ServedMethod[],
  stopping: AbortSignal,
  { reflection }: { readonly reflection: boolean },
): (router: ConnectRouter) => void {
  const health = new GrpcHealth(methods, stopping);
  const services = new Set(methods.map(({ descriptor }) => descriptor.parent));
  const register = reflection ? reflectionOf([...services, Health]) : undefined;
  return (router) => {
    health.register(router);
    register?.(router);
  };
}
