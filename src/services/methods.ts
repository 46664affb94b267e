// Every method of the contract with its handler, if it has one.

import type { DescService } from "@bufbuild/protobuf";
import { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import { DocumentService } from "../../gen/immudb/model/document_service_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { databaseHandlers } from "./databases.ts";
import type { Handlers } from "./handlers.ts";
import { healthHandlers } from "./health.ts";
import { kvHandlers } from "./kv.ts";
import { type Handler, type Room, type ServedMethod, servedMethod } from "./pipeline.ts";
import { authorizationHandlers, sessionHandlers } from "./sessions.ts";
import { transactionHandlers } from "./transactions.ts";
import { type SignState, verifiableHandlers } from "./verifiable.ts";

/** All methods of all services. `sign`: signs states when the server has a key. */
export function allMethods(room: Room, sign: SignState): ServedMethod[] {
  return [
    ...served(ImmuService, {
      ...sessionHandlers(room),
      ...databaseHandlers(room),
      ...healthHandlers(room),
      ...kvHandlers,
      ...transactionHandlers,
      ...verifiableHandlers(sign),
    }),
    ...served(AuthorizationService, authorizationHandlers(room)),
    ...served(DocumentService, {}),
  ];
}

function served<Service extends DescService>(service: Service, handlers: Handlers<Service>): ServedMethod[] {
  const byName = handlers as Readonly<Record<string, Handler | undefined>>;
  return service.methods.map((method) => servedMethod(method, byName[method.localName]));
}
