import { RoomError } from "../base/errors.ts";

export type AuthErrorCode =
  /** Unknown user or wrong password: never said which. */
  | "invalid_credentials"
  | "user_inactive"
  | "not_logged_in"
  /** As not_logged_in, for the methods that list databases. */
  | "please_login"
  /** The method wants a session and none was named. */
  | "no_session"
  | "session_not_found"
  | "token_malformed"
  | "token_expired"
  | "database_not_selected"
  | "permission_denied"
  /** Reserved to the system administrator. */
  | "operation_forbidden"
  /** No permission at all on the database that was named. */
  | "database_forbidden"
  /** Not an administrator of the database whose users were to be changed. */
  | "user_administration_forbidden"
  | "sessions_full"
  /** `data.limit`, `data.what`: too many passwords waiting to be checked. */
  | "overloaded"
  | "auth_disabled"
  /** Without authentication only the own machine is served. */
  | "anonymous_remote"
  | "operation_not_supported"
  | "password_empty"
  /** `data.limit`. */
  | "password_too_long"
  /** The stored record of a user cannot be read. `data.user`. */
  | "credentials_damaged";

/** Why somebody is not let in, or may not do what he asks. */
export class AuthError extends RoomError<AuthErrorCode> {
  override readonly name = "AuthError";
}
