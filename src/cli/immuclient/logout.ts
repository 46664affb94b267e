import type { ImmuClient } from "../../client/client.ts";
import { refusalOf } from "../../client/refusals.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Ends the login on the server and forgets it here. Being logged out already is no error. */
export async function logout(connection: Connection): Promise<Answer> {
  const wasLoggedIn = await endLogin(connection);
  return {
    text: [wasLoggedIn ? "Successfully logged out\n" : "User not logged in\n"],
    json: { loggedOut: wasLoggedIn },
  };
}

/** Whether there was a login that the server could end. It is forgotten either way. */
export async function endLogin(connection: Pick<Connection, "client" | "forget">): Promise<boolean> {
  const client = await connection.client();
  const ended = client.credentials.kind === "token" && (await logoutOf(client));
  await connection.forget();
  return ended;
}

async function logoutOf(client: ImmuClient): Promise<boolean> {
  try {
    await client.logout();
    return true;
  } catch (error) {
    if (refusalOf(error) === "not_logged_in") return false;
    throw error;
  }
}
