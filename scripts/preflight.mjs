// Is everything here that `npm start` and `npm test` need? Plain JavaScript that any Node from 18 on can read, because it
// also speaks when the wrong Node runs. npm puts node_modules/.bin first on the PATH, so `node` in a script is the exact
// Node that the package `node` brings, whatever the machine has; that package fetches its program in an install script.

import { existsSync } from "node:fs";

const NODE_MAJOR_MIN = 24;
const root = new URL("../", import.meta.url);

/** @returns {string | undefined} what is wrong and what to do about it */
function problem() {
  if (!existsSync(new URL("node_modules/.package-lock.json", root))) {
    return "The packages are not installed. Run:\n\n  npm ci";
  }
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) return undefined;
  const wrong = `This is Node ${process.versions.node}; the project runs on Node ${NODE_MAJOR_MIN}.`;
  if (process.env.npm_lifecycle_event === undefined) {
    return `${wrong} Run it through npm, which finds the right one in node_modules:\n\n  npm start\n  npm test`;
  }
  return [
    `${wrong} It comes with the packages, but is not there:`,
    "its install script did not run, most likely because install scripts are switched off",
    "(see `npm config get ignore-scripts`). Run:\n",
    "  npm rebuild node --ignore-scripts=false\n",
    `or put a Node ${NODE_MAJOR_MIN} or newer on the PATH.`,
  ].join("\n");
}

const message = problem();
if (message !== undefined) {
  console.error(message);
  process.exit(1);
}
