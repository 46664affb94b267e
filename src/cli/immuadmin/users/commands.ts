// immuadmin user: who may log in, and what he may do.

import { Argument, type Command } from "commander";
import type { Run } from "../calls.ts";
import { addNewPasswordOptions, type NewPasswordOptions } from "../new-password.ts";
import { changePassword, changePermission, createUser, setActive } from "./changes.ts";
import { listUsers } from "./list.ts";

export function addUserCommands(program: Command, run: Run): void {
  const user = program.command("user").alias("u").description("manage users");
  user
    .command("list")
    .alias("l")
    .description("show the users and what they may do")
    .action(() => run(listUsers));
  addNewPasswordOptions(user.command("create <name> <permission> [database]"))
    .description("add a user who may read, readwrite or admin a database; his password is asked for")
    .action((name: string, permission: string, database: string | undefined, options: NewPasswordOptions) =>
      run((connection) => createUser(connection, [name, permission, database], options)),
    );
  addNewPasswordOptions(user.command("changepassword <name>"))
    .description("give a user another password; for one's own the old one is needed, as for a login")
    .action((name: string, options: NewPasswordOptions) =>
      run((connection) => changePassword(connection, name, options)),
    );
  user
    .command("activate <name>")
    .description("let a user log in")
    .action((name: string) => run((connection) => setActive(connection, name, true)));
  user
    .command("deactivate <name>")
    .description("let a user log in no longer, and end his logins")
    .action((name: string) => run((connection) => setActive(connection, name, false)));
  user
    .command("permission")
    .description("give a user a permission on a database, or take it away")
    .addArgument(new Argument("<action>").choices(["grant", "revoke"]))
    .argument("<name>")
    .argument("<permission>", "read, readwrite or admin")
    .argument("<database>")
    .action((action: "grant" | "revoke", name: string, permission: string, database: string) =>
      run((connection) => changePermission(connection, action, [name, permission, database])),
    );
}
