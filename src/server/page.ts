// The web page, served from memory: its files are read once at start, and a request finds them by exact path, so that no
// path can lead anywhere else.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

interface PageFile {
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Files by URL path. */
export type Page = ReadonlyMap<string, PageFile>;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};

/** Only the page's own files run, and it talks to this server alone. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Reads a built page. A directory that is not there is a page without files. */
export async function loadPage(directory: string): Promise<Page> {
  const page = new Map<string, PageFile>();
  for (const entry of await listFiles(directory)) {
    const path = `/${relative(directory, entry).split(sep).join("/")}`;
    const content = await readFile(entry);
    page.set(path === "/index.html" ? "/" : path, { content, headers: headersOf(path, content) });
  }
  return page;
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function headersOf(path: string, content: Uint8Array): Record<string, string> {
  return {
    "content-type": CONTENT_TYPES[extname(path)] ?? "application/octet-stream",
    "content-length": String(content.length),
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    // Files under /assets carry a hash of their content in their names.
    "cache-control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    etag: `"${createHash("sha256").update(content).digest("base64url")}"`,
  };
}
