// npm runs this after an installation: builds the page that the server hands out at "/". An installation without the
// development packages has nothing to build with, and needs a page that was built before.

import { existsSync } from "node:fs";

if (existsSync(new URL("../node_modules/vite/package.json", import.meta.url))) {
  const { build } = await import("vite");
  await build({ root: "web", logLevel: "warn" });
} else {
  console.log("The page is not built: that takes the development packages.");
}
