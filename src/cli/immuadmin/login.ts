import type { Answer } from "../output.ts";
import { printWarning } from "../output.ts";
import type { AdminConnection } from "./calls.ts";
import { hasNewPassword, type NewPasswordOptions } from "./new-password.ts";
import { changePassword } from "./users/changes.ts";

/** Logs in and remembers it. Where the server finds the password to be the default one, another takes its place at once. */
export async function login(
  connection: AdminConnection,
  user: string,
  options: NewPasswordOptions,
  stderr: Parameters<typeof printWarning>[2],
): Promise<Answer> {
  const client = await connection.client();
  const warning = await connection.login(client, user, connection.options.database);
  const loggedIn = { text: ["logged in\n"], json: { user, loggedIn: true, passwordChanged: false } };
  if (warning === "") return loggedIn;
  const canChange = hasNewPassword(options);
  const next = canChange ? "" : `; run: immuadmin user changepassword ${user}`;
  printWarning(`SECURITY WARNING: ${warning}${next}`, connection.options.output, stderr);
  if (!canChange) return loggedIn;
  const { text } = await changePassword(connection, user, options);
  return { text: [...loggedIn.text, ...text], json: { ...loggedIn.json, passwordChanged: true } };
}
