// What immudb does besides serving. One row per command; each is loaded when it is asked for.

/** A command line that named a command. */
export interface CommandLine {
  /** The server's flags by name, as found on it; `true` for one without a value. */
  readonly given: ReadonlyMap<string, string | true>;
  /** The command's own options by name. */
  readonly options: Readonly<Record<string, string | undefined>>;
}

export interface SubcommandOption {
  readonly name: string;
  readonly meaning: string;
  readonly choices?: readonly string[];
  /** Absent: none. */
  readonly default?: string;
  readonly required?: true;
}

export interface Subcommand {
  /** One or two words. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly SubcommandOption[];
  /** Resolves to the exit code. Prints to the streams of the process. */
  run(line: CommandLine): Promise<number>;
}

const OUTPUT: SubcommandOption = {
  name: "output",
  meaning: "form of the answer",
  choices: ["text", "json"],
  default: "text",
};

export const SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: "verify",
    description: "read everything that is stored and say whether it is what was written; the server must be stopped",
    options: [
      { name: "database", meaning: "only this one" },
      { name: "known-state", meaning: "TX:HASH that must be part of the history of that database" },
      OUTPUT,
    ],
    run: async (line) => (await import("./verify.ts")).verify(line),
  },
  {
    name: "index rebuild",
    description: "build the index of every database, or of one, anew from its log; the server must be stopped",
    options: [{ name: "database", meaning: "only this one" }, OUTPUT],
    run: async (line) => (await import("./index-rebuild.ts")).indexRebuild(line),
  },
  {
    name: "config check",
    description: "say whether a server would start with these flags and this environment, without starting it",
    options: [OUTPUT],
    run: async (line) => (await import("./config-check.ts")).configCheck(line),
  },
  {
    name: "backup",
    description: "copy the data directory to a new place; the server may be running",
    options: [{ name: "to", meaning: "directory to make", required: true }, OUTPUT],
    run: async (line) => (await import("./backup.ts")).backup(line),
  },
];

const OTHER_WORDS = ["version", "completion", "help", "--help", "-h"];

/** Whether a command line asks for a server, as far as can be told without parsing it: nothing in it sounds like a command. */
export function isServer(args: readonly string[]): boolean {
  const words = [...OTHER_WORDS, ...SUBCOMMANDS.map(({ name }) => name.split(" ")[0])];
  return !args.some((arg) => words.includes(arg));
}
