// A password that somebody is to have from now on. Typed twice, or read from a file, a variable or stdin; never an option.

import { type Command, Option } from "commander";
import { passwordPrompt } from "../ask-password.ts";
import { UsageError } from "../exit-codes.ts";
import type { ConnectionOptions } from "../immuclient/connection.ts";
import { readPassword } from "../password.ts";
import { readStdin } from "../stdin.ts";

/** As commander names them. */
export interface NewPasswordOptions {
  readonly newPasswordFile?: string;
  readonly newPasswordStdin: boolean;
}

const VARIABLE = "IMMUADMIN_NEW_PASSWORD";

export function addNewPasswordOptions(command: Command): Command {
  return command
    .addOption(new Option("--new-password-file <file>", `read the new password from a file; or set ${VARIABLE}`))
    .addOption(new Option("--new-password-stdin", "read the new password from stdin").default(false))
    .hook("preAction", () => {
      const { passwordStdin, newPasswordStdin } = command.optsWithGlobals<ConnectionOptions & NewPasswordOptions>();
      if (!passwordStdin || !newPasswordStdin) return;
      const next = `give one of them by a file or a variable: --password-file, --new-password-file, ${VARIABLE}`;
      throw new UsageError("stdin cannot hold both the password and the new one", next);
    });
}

/** Whether a new password is there, or somebody who could type one. */
export function hasNewPassword({ newPasswordFile, newPasswordStdin }: NewPasswordOptions): boolean {
  const isGiven = newPasswordStdin || newPasswordFile !== undefined || process.env[VARIABLE] !== undefined;
  return isGiven || passwordPrompt("") !== undefined;
}

/** Throws UsageError when there is none. */
export function newPassword(
  user: string,
  { newPasswordFile, newPasswordStdin }: NewPasswordOptions,
): Promise<Uint8Array> {
  return readPassword(
    { password: process.env[VARIABLE], passwordFile: newPasswordFile, passwordStdin: newPasswordStdin },
    { stdin: readStdin, prompt: typedTwice(user), variable: VARIABLE, option: "--new-password" },
  );
}

function typedTwice(user: string): (() => Promise<string>) | undefined {
  const choose = passwordPrompt(`Choose a password for ${user}:`);
  const confirm = passwordPrompt("Confirm password:");
  if (choose === undefined || confirm === undefined) return undefined;
  return async () => {
    const password = await choose();
    if ((await confirm()) === password) return password;
    throw new Error("Passwords don't match");
  };
}
