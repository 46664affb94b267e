// Builds the page into web/dist: static files that any server can hand out under a strict Content-Security-Policy, with
// no inline script or style and nothing from elsewhere. Two scripts come out:
//
//   client-<hash>.js   all that verifies: src/proof, src/wire, src/client and the libraries they stand on
//   page-<hash>.js     what a person sees
//
// so that the size of what must be trusted can be seen by itself: it is printed at the end of the build.

import { gzipSync } from "node:zlib";
import type { Plugin, UserConfig } from "vite";

/** Also said in the document itself, for whoever hosts the page with a server that says nothing. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

const config: UserConfig = {
  root: import.meta.dirname,
  base: "./",
  // `npm run web:dev`: the page as it is edited, on a server that runs at its usual place.
  server: { proxy: { "/immudb.schema.ImmuService": "http://127.0.0.1:3322" } },
  build: {
    target: "es2024",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        entryFileNames: "assets/page-[hash].js",
        codeSplitting: { groups: [{ name: "client", test: /\/(src(?<!\/web\/src)|gen|node_modules)\// }] },
      },
    },
  },
  plugins: [policyInDocument(), printSizes()],
};

export default config;

function policyInDocument(): Plugin {
  return {
    name: "policy-in-document",
    apply: "build",
    transformIndexHtml: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    ],
  };
}

/** `name: … B, … B gzip` of each script. */
function printSizes(): Plugin {
  return {
    name: "print-sizes",
    apply: "build",
    writeBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk") continue;
        const what = file.name === "client" ? "proof + client bundle" : "page";
        const gzip = gzipSync(file.code, { level: 9 }).length;
        console.log(`${what}: ${(file.code.length / 1024).toFixed(1)} KB, ${(gzip / 1024).toFixed(1)} KB gzip`);
      }
    },
  };
}
