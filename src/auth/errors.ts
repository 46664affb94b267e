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
  /** `data.limit`. */
  | "user_sessions_full"
  /** One user has too many calls under way. `data.limit`. */
  | "user_calls_full"
  /** Too many wrong passwords: `data.seconds` to wait. */
  | "login_slowed"
  /** Whoever waited for his password to be checked has gone. */
  | "login_abandoned"
  /** `data.limit`, `data.what`: too many passwords waiting to be checked. */
  | "overloaded"
  | "auth_disabled"
  /** Without authentication only the own machine is served. */
  | "anonymous_remote"
  /** Nothing is changed while the server is in maintenance mode. */
  | "maintenance"
  | "operation_not_supported"
  | "username_empty"
  | "username_character"
  /** `data.limit`. */
  | "username_length"
  | "user_exists"
  /** `data.limit`. */
  | "users_full"
  /** `data.name`. */
  | "user_not_found"
  /** `data.name`: the user whose permissions were to be changed. */
  | "grantee_not_found"
  /** A user whom the caller may not change, or who is not there. `data.name`. */
  | "user_not_yours"
  /** `data.name`: the database that a new user was to get a permission on. */
  | "user_database_not_found"
  | "grant_database_not_found"
  | "permission_unknown"
  /** As permission_unknown, when one was to be given or taken. */
  | "grant_unknown"
  /** There is one system administrator, and his permissions do not change. */
  | "sysadmin_unique"
  | "grant_own"
  | "privileges_own"
  /** `data.name`: no SQL privilege. */
  | "privilege_unknown"
  /** SQL privileges without any permission on the database. `data.name`. */
  | "grantee_without_permission"
  | "status_own"
  | "old_password_incorrect"
  | "password_empty"
  /** `data.limit`. */
  | "password_too_long"
  /** `data.rule`: the configured rule that a new password breaks. */
  | "password_weak"
  /** The stored record of a user cannot be read. `data.user`. */
  | "credentials_damaged";

/** Why somebody is not let in, or may not do what he asks. */
export class AuthError extends RoomError<AuthErrorCode> {
  override readonly name = "AuthError";
}
