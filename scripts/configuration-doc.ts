// Writes docs/configuration.md from the table of flags (src/server/flags.ts). A test fails when the file is stale.
//
//   node scripts/configuration-doc.ts

import { writeFileSync } from "node:fs";
import { environmentName, FLAGS, type Flag } from "../src/server/flags.ts";

export const CONFIGURATION_DOC: URL = new URL("../docs/configuration.md", import.meta.url);

const INTRODUCTION = `# Configuration of the server

<!-- Written by scripts/configuration-doc.ts from src/server/flags.ts: change that table, not this file. -->

Every setting is a flag, \`--name value\` or \`--name=value\`, and an environment variable: \`IMMUDB_\` and the name in capitals,
with \`_\` for \`-\`. The command line wins over the environment, and the environment over the default. A boolean flag needs no
value. Durations are written as \`90s\`, \`3m0s\` or \`24h\`. An unknown flag ends the program with exit code 1.

The names are those of the original server, so that start scripts and container definitions keep working. A setting marked
"not yet" is accepted and has no effect: the server says so in one warning when it starts.

The level of the log comes from \`LOG_LEVEL\` alone: \`debug\`, \`info\`, \`warn\` or \`error\`.

Before other machines can reach the server, give the system administrator a password of his own: \`--admin-password\` at the
first start on a data directory. The default address is every interface, as in the original; with the default password the
server warns about it loudly.
`;

/** The whole document. */
export function configurationDoc(): string {
  const sections = Object.entries(FLAGS).map(([title, flags]) => `\n## ${title}\n\n${table(flags)}\n`);
  return INTRODUCTION + sections.join("");
}

function table(flags: readonly Flag[]): string {
  const rows = flags.map(({ name, short, type, default: initial, meaning, built }) =>
    row(
      `\`--${name}\`${short === undefined ? "" : `, \`-${short}\``}`,
      `\`${environmentName(name)}\``,
      type,
      initial === "" ? "" : `\`${initial}\``,
      built ? meaning : `${meaning} (not yet)`,
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
