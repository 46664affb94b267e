// Programs run their sources directly, which needs Node 24. This file must itself load on any Node, so it imports nothing.

const NEEDED = 24;

/** Ends the process with one plain sentence on a Node that is too old. */
export function requireNode(program: string): void {
  const found = process.versions.node;
  if (Number(found.split(".")[0]) >= NEEDED) return;
  process.stderr.write(
    `${program} needs Node.js ${NEEDED} or newer and this is ${found}: install it from https://nodejs.org\n`,
  );
  process.exit(1);
}
