import type { Command } from "commander";
import { deleteKeys } from "./delete.ts";
import { type GetOptions, get, getall, safeget } from "./get.ts";
import { restore } from "./restore.ts";
import type { Run } from "./run.ts";
import { safeset, set } from "./set.ts";
import { readValue, type ValueOptions } from "./value.ts";

export function addEntryCommands(program: Command, run: Run): void {
  program.commandsGroup("Keys and values:");
  program
    .command("set <key> [value]")
    .alias("s")
    .description("write a value; without one, the value is all of stdin")
    .option("--value-file <file>", "take the value from a file; - is stdin")
    .action((key: string, value: string | undefined, options: ValueOptions) =>
      run(async (connection) => set(connection, key, await readValue(connection, value, options))),
    );
  program
    .command("safeset <key> [value]")
    .alias("ss")
    .description("write a value and check the proof that the server wrote it")
    .option("--value-file <file>", "take the value from a file; - is stdin")
    .action((key: string, value: string | undefined, options: ValueOptions) =>
      run(async (connection) => safeset(connection, key, await readValue(connection, value, options))),
    );
  program
    .command("get <key[@revision]>")
    .alias("g")
    .description("read a value; @n is the n-th revision, @-n is n before the latest")
    .option("--value-file <file>", "write the value to a file as well, byte for byte")
    .action((key: string, options: GetOptions) => run((connection) => get(connection, key, options)));
  program
    .command("safeget <key[@revision]>")
    .alias("sg")
    .description("read a value and check the proof that it is what was written")
    .option("--value-file <file>", "write the value to a file as well, byte for byte, once it is proven")
    .action((key: string, options: GetOptions) => run((connection) => safeget(connection, key, options)));
  program
    .command("getall <keys...>")
    .alias("ga")
    .description("read the values of several keys as of one moment; keys that do not exist are left out")
    .action((keys: string[]) => run((connection) => getall(connection, keys)));
  program
    .command("restore <key@revision>")
    .description("write the value of an earlier revision anew, as the latest one")
    .action((key: string) => run((connection) => restore(connection, key)));
  program
    .command("delete <keys...>")
    .alias("del")
    .description("delete keys, all of them or none; what they held stays in their history")
    .action((keys: string[]) => run((connection) => deleteKeys(connection, keys)));
}
