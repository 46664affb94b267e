import { Argument, type Command } from "commander";
import type { BindOptions } from "../../client/requests.ts";
import { parseScore, parseTxId } from "./numbers.ts";
import { reference, safereference } from "./reference.ts";
import type { Run } from "./run.ts";
import { safezadd, zadd } from "./zadd.ts";

export function addLinkCommands(program: Command, run: Run): void {
  program.commandsGroup("References and sorted sets:");
  for (const [name, alias, proof, command] of [
    ["reference", "r", "", reference],
    ["safereference", "sr", " and check the proof that the server wrote it", safereference],
  ] as const) {
    addBinding(program.command(`${name} <reference> <key>`).alias(alias))
      .description(`make a key stand for another one${proof}`)
      .action((from: string, key: string, bind: BindOptions) =>
        run((connection) => command(connection, from, key, bind)),
      );
  }
  for (const [name, alias, proof, command] of [
    ["zadd", "za", "", zadd],
    ["safezadd", "sza", " and check the proof that the server wrote it", safezadd],
  ] as const) {
    addBinding(program.command(`${name} <set>`).alias(alias))
      .description(`add a key to a sorted set${proof}`)
      .addArgument(new Argument("<score>").argParser(parseScore))
      .argument("<key>")
      .action((set: string, score: number, key: string, bind: BindOptions) =>
        run((connection) => command(connection, { ...bind, set, score, key })),
      );
  }
}

function addBinding(command: Command): Command {
  return command.option("--at-tx <id>", "stay with the value that this transaction wrote", parseTxId);
}
