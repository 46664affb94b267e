import { endLogin } from "../immuclient/logout.ts";
import type { Answer } from "../output.ts";
import type { AdminConnection } from "./calls.ts";

/** Ends the login on the server and forgets it here. */
export async function logout(connection: AdminConnection): Promise<Answer> {
  if (!(await endLogin(connection))) throw new Error("not logged in");
  return { text: ["logged out\n"], json: { loggedOut: true } };
}
