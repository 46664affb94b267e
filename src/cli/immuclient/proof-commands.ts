import { Argument, type Command } from "commander";
import { current } from "./current.ts";
import { parseTxId } from "./numbers.ts";
import type { Run } from "./run.ts";
import { checkConsistency, safetx, tx } from "./tx.ts";

export function addProofCommands(program: Command, run: Run): void {
  program.commandsGroup("Transactions and states:");
  program
    .command("tx")
    .alias("gettx")
    .addArgument(new Argument("<id>").argParser(parseTxId))
    .description("show a transaction; --output json and table list its entries")
    .action((id: bigint) => run((connection) => tx(connection, id)));
  program
    .command("safetx")
    .alias("stx")
    .addArgument(new Argument("<id>").argParser(parseTxId))
    .description("show a transaction and check the proof that the history holds it")
    .action((id: bigint) => run((connection) => safetx(connection, id)));
  program
    .command("check-consistency <id> <hash>")
    .alias("c")
    .description("check that the history holds a transaction with this hash, one that was written down earlier")
    .action((id: string, hash: string) => run((connection) => checkConsistency(connection, id, hash)));
  program
    .command("current")
    .aliases(["crt", "status", "p"])
    .description("show the server's current state of the database (not verified)")
    .action(() => run(current));
}
