import { refusalOf } from "../../client/refusals.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";

/** Ends the login on the server and forgets it here. Being logged out already is no error. */
export async function logout(connection: Connection): Promise<Answer> {
  const client = await connection.client();
  const wasLoggedIn = client.credentials.kind === "token" && (await endLogin(() => client.logout()));
  await connection.forget();
  return {
    text: [wasLoggedIn ? "Successfully logged out\n" : "User not logged in\n"],
    json: { loggedOut: wasLoggedIn },
  };
}

/** Whether there was a login that the server could end. */
async function endLogin(call: () => Promise<void>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (refusalOf(error) === "not_logged_in") return false;
    throw error;
  }
}
