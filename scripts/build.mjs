// `npm run build [-- DIRECTORY]`: the programs as they are installed, in dist/ or elsewhere: one file for each that is started,
// and what they share beside them. Bundled, since half of the start of a server went to finding and reading 285 modules.
//
//   dist/immudb.js, immuadmin.js, immuclient.js    what people start
//   dist/probe.js, page-walk-thread.js, verify-child.js    what the server starts (src/store/program.ts)
//   dist/web/                                       the page

import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { build } from "vite";

// The server loads nothing that only clients need: what they share is built twice.
const GROUPS = [
  ["src/cli/immudb.ts", "src/store/probe.ts", "src/store/page-walk-thread.ts", "src/server/verify-child.ts"],
  ["src/cli/immuadmin.ts", "src/cli/immuclient.ts"],
];

const target = process.argv[2] ?? "dist";
await rm(target, { recursive: true, force: true });
await build({ root: "web", logLevel: "warn", build: { outDir: resolve(target, "web"), emptyOutDir: true } });
for (const programs of GROUPS) {
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    // What finds its own files, as native code does, stays where it is.
    ssr: { noExternal: true, external: ["lmdb", "pino"] },
    build: {
      ssr: true,
      target: "node24",
      outDir: target,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(programs.map((path) => [path.replace(/^.*\/(.*)\.ts$/, "$1"), path])),
        output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      },
    },
  });
}
