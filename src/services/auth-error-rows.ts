// How the refusals of the auth room leave the server (error-table.ts).

import { Code } from "@connectrpc/connect";
import type { AuthErrorCode } from "../auth/errors.ts";
import { illegal, internal, type Row, unknown } from "./error-row.ts";

export const AUTH: Readonly<Record<AuthErrorCode, Row>> = {
  invalid_credentials: unknown("invalid user name or password", "08004"),
  user_inactive: unknown("user is not active", "08004"),
  not_logged_in: unknown("not logged in", "28000"),
  please_login: unknown("please login"),
  no_session: unknown("no session auth data provided", "28000"),
  session_not_found: { code: Code.PermissionDenied, text: "session not found", info: "08001" },
  token_malformed: { ...internal("invalid token"), cause: "malformed token: expected at least 3 pieces" },
  token_expired: unknown("token has expired"),
  database_not_selected: unknown("please select a database first"),
  permission_denied: internal("permission denied"),
  operation_forbidden: unknown("loggedin user does not have permissions for this operation"),
  database_forbidden: {
    code: Code.PermissionDenied,
    text: "Logged in user does not have permission on this database",
  },
  user_administration_forbidden: unknown("you do not have permission on this database"),
  sessions_full: internal("can not create new session: max sessions number reached"),
  user_sessions_full: {
    code: Code.ResourceExhausted,
    text: ({ limit }) => `this user has too many sessions: the limit is ${limit} (max-sessions-per-user)`,
  },
  user_calls_full: {
    code: Code.ResourceExhausted,
    text: ({ limit }) => `this user has too many calls under way: the limit is ${limit} (max-calls-per-user)`,
  },
  login_slowed: {
    code: Code.ResourceExhausted,
    text: ({ seconds }) => `too many failed logins: try again in ${seconds} seconds`,
  },
  login_abandoned: { code: Code.Canceled, text: "the caller went away" },
  overloaded: {
    code: Code.ResourceExhausted,
    text: (data) => `too many logins are waiting: the limit is ${data["limit"]}; try again`,
  },
  auth_disabled: unknown("authentication disabled: start the server with --auth to log in", "08P01"),
  anonymous_remote: {
    code: Code.PermissionDenied,
    text: "without authentication this server answers its own machine only",
  },
  maintenance: { code: Code.FailedPrecondition, text: "the server is in maintenance mode: nothing is changed" },
  operation_not_supported: internal("operation not supported"),
  username_empty: unknown("username can not be empty"),
  username_character: illegal("username can only contain letters, digits and underscores"),
  username_length: illegal((data) => `username can have at most ${data["limit"]} characters`),
  user_exists: unknown("user already exists"),
  users_full: { code: Code.ResourceExhausted, text: (data) => `there can be no more than ${data["limit"]} users` },
  user_not_found: unknown((data) => `user ${data["name"]} not found`),
  grantee_not_found: { code: Code.NotFound, text: (data) => `user ${data["name"]} not found` },
  user_not_yours: unknown((data) => `user ${data["name"]} was not found or it was not created by you`),
  user_database_not_found: unknown((data) => `database ${data["name"]} does not exist`),
  grant_database_not_found: illegal("database does not exist"),
  permission_unknown: unknown("unrecognized permission"),
  grant_unknown: illegal("unrecognized permission"),
  sysadmin_unique: unknown("can not create another system admin"),
  grant_own: illegal("changing your own permissions is not allowed"),
  privileges_own: illegal("changing your own privileges is not allowed"),
  privilege_unknown: illegal(({ name }) => `unrecognized SQL privilege '${name}'`),
  grantee_without_permission: illegal(({ name }) => `user ${name} has no permission on this database`),
  status_own: unknown("changing your own status is not allowed"),
  old_password_incorrect: { code: Code.PermissionDenied, text: "old password is incorrect" },
  password_empty: unknown("password is empty"),
  password_too_long: illegal((data) => `a password has at most ${data["limit"]} bytes`),
  password_weak: illegal(({ rule }) => `the password is too weak: it needs ${rule}`),
  credentials_damaged: { code: Code.DataLoss, text: "the stored credentials are damaged", alarming: true },
};
