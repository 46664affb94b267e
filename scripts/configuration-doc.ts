// Writes docs/configuration.md from the table of flags (src/server/flags.ts). A test fails when the file is stale.
//
//   node scripts/configuration-doc.ts

import { writeFileSync } from "node:fs";
import { environmentName, type Flag, type FlagEffect, secretFileName } from "../src/server/flag.ts";
import { ALL_FLAGS, FLAGS } from "../src/server/flags.ts";

export const CONFIGURATION_DOC: URL = new URL("../docs/configuration.md", import.meta.url);

const SECRETS = ALL_FLAGS.filter(({ type, effect }) => type === "secret" && effect.kind === "works");

const INTRODUCTION = `# Configuration of the server

<!-- Written by scripts/configuration-doc.ts from src/server/flags.ts: change that table, not this file. -->

Every setting is a flag, a variable of the environment and a key of the configuration file. The first of these that has it wins:

| | where | form |
| --- | --- | --- |
| 1 | command line | \`--max-sessions 50\`, \`--max-sessions=50\`; a boolean flag needs no value |
| 2 | environment | \`IMMUDB_MAX_SESSIONS=50\`: \`IMMUDB_\` and the name in capitals, with \`_\` for \`-\` |
| 3 | configuration file | \`max-sessions = 50\` |
| 4 | default | as below |

\`immudb config check\` says for each setting that is not left to its default what it is, where that comes from and what it wins
over, and whether a server would start so. Secrets are masked. With \`--output json\` it tells every setting.

The names are those of the original server, so that start scripts and container definitions keep working. What is marked
"not yet" or "no effect" is accepted, and the server says in one warning at start that it changes nothing; "refused" means that
any other value than the default ends the start, with the reason. Old names count as the new ones, with a warning.

Durations are written as \`90s\`, \`3m0s\` or \`24h\`, lists with commas. An unknown flag, an unknown key and a value that a
setting does not take end the program with exit code 1 and the name of what is wrong.

The level of the log comes from \`LOG_LEVEL\` alone: \`debug\`, \`info\`, \`warn\` or \`error\`.

## The configuration file

\`\`\`toml
dir = "/var/lib/immudb"
port = 3322
max-session-age-time = "24h"
log-access = true
\`\`\`

TOML, with the names of the flags as keys; upper and lower case are the same. \`--config FILE\` (or \`IMMUDB_CONFIG\`) names it,
and then it must exist. Otherwise \`immudb.toml\` in the home directory is read when there is one, and after that
\`/etc/immudb/immudb.toml\` when the program is installed in \`/usr/sbin\`. A file that was found so is refused when everybody may
write to it or when it belongs to another user than root and the one that runs the server; a file that was named is read with a
warning. In a list (audit-log-events) the file may also have an array of texts. The keys \`network\`, \`dbname\` and
\`consistency-check\` of files that come with the original are accepted and have no effect, as there.

## Secrets

\`IMMUDB_<NAME>_FILE\` names a file whose content is the secret, so that it is neither on a command line nor in an environment;
a line break at its end does not count. Setting both the variable and the one with \`_FILE\` is refused. An empty variable means
"not set" for every other setting, and an empty value for a secret.

${SECRETS.map(({ name }) => `- \`${secretFileName(name)}\` for \`--${name}\``).join("\n")}

Before other machines can reach the server, give the system administrator a password of his own: \`--admin-password\` at the
first start on a data directory. The default address is every interface, as in the original; with the default password the
server warns about it loudly, and with \`--refuse-default-password\` it does not start.
`;

/** The whole document. */
export function configurationDoc(): string {
  const sections = Object.entries(FLAGS).map(([title, flags]) => `\n## ${title}\n\n${table(flags)}\n`);
  return INTRODUCTION + sections.join("");
}

const MARKS: Readonly<Record<FlagEffect["kind"], string>> = {
  works: "",
  later: " (not yet)",
  idle: " (no effect)",
  refused: " (refused)",
  renamed: "",
};

function table(flags: readonly Flag[]): string {
  const rows = flags.map(({ name, short, type, default: initial, meaning, effect }) =>
    row(
      `\`--${name}\`${short === undefined ? "" : `, \`-${short}\``}`,
      `\`${environmentName(name)}\``,
      type,
      initial === "" ? "" : `\`${initial}\``,
      `${meaning}${MARKS[effect.kind]}`,
    ),
  );
  return [row("flag", "variable", "type", "default", "meaning"), row("---", "---", "---", "---", "---"), ...rows].join(
    "\n",
  );
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

if (import.meta.main) writeFileSync(CONFIGURATION_DOC, configurationDoc());
