// With which text a method turns a caller away. Clients match on these texts, and they differ from method to method: they
// are data beside the method's access rule, not code.

import type { DescMethod } from "@bufbuild/protobuf";
import type { AuthErrorCode } from "../auth/errors.ts";
import { accessOf } from "./access.ts";

export interface Refusals {
  /** The caller has not said who he is. */
  readonly unauthenticated: AuthErrorCode;
  /** He has, and may not do this. */
  readonly forbidden: AuthErrorCode;
  /** Nobody says who he is, since the server runs without authentication. Absent: he is served. */
  readonly anonymous?: AuthErrorCode;
}

/** By the name of the method, whichever service declares it. */
export const OWN_REFUSALS: Readonly<Record<string, Partial<Refusals>>> = {
  DatabaseList: { unauthenticated: "please_login" },
  DatabaseListV2: { unauthenticated: "please_login" },
  UseDatabase: { forbidden: "database_forbidden" },
  CreateDatabase: { forbidden: "operation_forbidden" },
  CreateDatabaseWith: { forbidden: "operation_forbidden" },
  CreateDatabaseV2: { forbidden: "operation_forbidden" },
  LoadDatabase: { forbidden: "operation_forbidden" },
  UnloadDatabase: { forbidden: "operation_forbidden" },
  DeleteDatabase: { forbidden: "operation_forbidden" },
  UpdateDatabase: { forbidden: "operation_forbidden" },
  UpdateDatabaseV2: { forbidden: "operation_forbidden" },
  TruncateDatabase: { forbidden: "operation_forbidden" },
  ListUsers: { anonymous: "auth_disabled" },
  CreateUser: { forbidden: "user_administration_forbidden", anonymous: "auth_disabled" },
  ChangePassword: { anonymous: "auth_disabled" },
  ChangePermission: { forbidden: "user_administration_forbidden", anonymous: "auth_disabled" },
  ChangeSQLPrivileges: { forbidden: "user_administration_forbidden", anonymous: "auth_disabled" },
  SetActiveUser: { anonymous: "auth_disabled" },
};

/** The refusals of a method, whichever service declares it. */
export function refusalsOf(method: DescMethod): Refusals {
  return {
    unauthenticated: accessOf(method).credential === "session" ? "no_session" : "not_logged_in",
    forbidden: "permission_denied",
    ...OWN_REFUSALS[method.name],
  };
}
