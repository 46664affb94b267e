// A Chromium for tests, without a system browser: the one that the package @sparticuz/chromium carries (Linux x64), with the
// libraries it needs beside it. It is unpacked once, into node_modules/.cache; elsewhere CHROMIUM names an installed one.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

export interface Browser {
  readonly context: BrowserContext;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Installed {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

const PACKAGE = new URL("../../node_modules/@sparticuz/chromium/", import.meta.url);
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
const QUIET = [
  "--headless",
  "--no-sandbox", // the tests of a container run as root
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why no browser can be had here; undefined when one can. */
export function missingBrowser(): string | undefined {
  if (process.env["CHROMIUM"] !== undefined) return undefined;
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "the packaged Chromium is for Linux x64: set CHROMIUM to the path of an installed one";
  }
  return existsSync(new URL("bin/chromium.br", PACKAGE))
    ? undefined
    : "the package @sparticuz/chromium is not installed";
}

/** A fresh browser with a profile of its own, which goes with it. */
export async function launchBrowser(options: BrowserContextOptions = {}): Promise<Browser> {
  const { executablePath, env } = await installedBrowser();
  const profile = await mkdtemp(join(tmpdir(), "browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...options,
    executablePath,
    args: QUIET,
    env: { ...definedOnly(process.env), ...env },
  });
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

async function installedBrowser(): Promise<Installed> {
  const named = process.env["CHROMIUM"];
  if (named !== undefined) return { executablePath: named, env: {} };
  const { version } = JSON.parse(await readFile(new URL("package.json", PACKAGE), "utf8")) as { version: string };
  const dir = join(CACHE, `chromium-${version}`);
  if (!existsSync(dir)) await unpackInto(dir);
  const libraries = [join(dir, "al2023", "lib"), process.env["LD_LIBRARY_PATH"]].filter((path) => path !== undefined);
  return {
    executablePath: join(dir, "chromium"),
    env: { LD_LIBRARY_PATH: libraries.join(":"), FONTCONFIG_FILE: join(dir, "fonts.conf") },
  };
}

/** Unpacks beside the final place and moves it there whole, so that two test processes cannot see half a browser. */
async function unpackInto(dir: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const half = await mkdtemp(`${dir}-`);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = half; // where the package unpacks to
  try {
    const { inflate } = await import("@sparticuz/chromium");
    for (const archive of ["chromium.br", "fonts.tar.br", "al2023.tar.br"]) {
      await inflate(fileURLToPath(new URL(`bin/${archive}`, PACKAGE)));
    }
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
  const fonts = `<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>${join(dir, "fonts", "fonts")}</dir>`;
  await writeFile(join(half, "fonts.conf"), `<?xml version="1.0"?>\n<fontconfig>${fonts}</fontconfig>\n`);
  await rename(half, dir).catch(async (error: unknown) => {
    if (!existsSync(dir)) throw error;
    await rm(half, { recursive: true });
  });
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
