// How a call says who is calling. Servers know two ways: a session (opened with its database, ends with it) and a token
// (names a user and one database; choosing another database gives another token).

export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "token"; readonly token: string };

export const NO_CREDENTIALS: Credentials = { kind: "none" };

/** Request headers that carry the credentials. */
export function credentialHeaders(credentials: Credentials): Record<string, string> {
  switch (credentials.kind) {
    case "none":
      return {};
    case "session":
      return { sessionid: credentials.sessionId };
    case "token":
      return { authorization: `Bearer ${credentials.token}` };
  }
}
