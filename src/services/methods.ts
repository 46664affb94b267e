// Every method of the contract and of our own services with its handler, if it has one.

import type { DescService } from "@bufbuild/protobuf";
import { AuthorizationService } from "../../gen/immudb/model/authorization_pb.ts";
import { DocumentService } from "../../gen/immudb/model/document_service_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { VerifyService } from "../../gen/immudb/verify/v1/verify_pb.ts";
import { databaseHandlers } from "./databases.ts";
import type { Handlers } from "./handlers.ts";
import { healthHandlers } from "./health.ts";
import { kvHandlers } from "./kv.ts";
import { type AnyHandler, type Room, type ServedMethod, servedMethod } from "./pipeline.ts";
import { replicationHandlers } from "./replication.ts";
import { authorizationHandlers, sessionHandlers } from "./sessions.ts";
import { streamedReadHandlers } from "./streamed-reads.ts";
import { streamedWriteHandlers } from "./streamed-writes.ts";
import { transactionHandlers } from "./transactions.ts";
import { userHandlers } from "./users.ts";
import { type SignState, verifiableHandlers } from "./verifiable.ts";
import { verifyHandlers } from "./verify.ts";

/** All methods of all services. `sign`: signs states when the server has a key. */
export function allMethods(room: Room, sign: SignState): ServedMethod[] {
  return [
    ...served(ImmuService, {
      ...sessionHandlers(room),
      ...userHandlers(room),
      ...databaseHandlers(room),
      ...healthHandlers(room),
      ...kvHandlers,
      ...transactionHandlers,
      ...verifiableHandlers(sign),
      ...streamedReadHandlers(sign),
      ...streamedWriteHandlers(sign),
      ...replicationHandlers(),
    }),
    ...served(AuthorizationService, authorizationHandlers(room)),
    ...served(DocumentService, {}),
    ...served(VerifyService, verifyHandlers(room, sign)),
  ];
}

function served<Service extends DescService>(service: Service, handlers: Handlers<Service>): ServedMethod[] {
  const byName = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  return service.methods.map((method) => servedMethod(method, byName[method.localName]));
}
