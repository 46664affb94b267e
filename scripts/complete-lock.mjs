// Completes package-lock.json: npm leaves optional platform packages out of the lock when the registry at hand does not
// serve them, and `npm ci` then refuses the lock ("package.json and package-lock.json are not in sync"). This adds an
// entry for each one missing, so that the lock is the same whatever registry wrote it, and removes `resolved` addresses,
// so that it holds for any registry. npm runs it after every install (the `dependencies` script); it is plain JavaScript
// because it may run on the machine's own Node.
//
//   node scripts/complete-lock.mjs [FILE]        add what is missing
//   node scripts/complete-lock.mjs --check FILE  only say what is missing; exit code 1 when anything is

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @typedef {Record<string, any>} LockEntry one package of a lock, under its path in the tree
 * @typedef {{ packages: Record<string, LockEntry> }} Lock a package-lock.json, lockfileVersion 3
 * @typedef {{ path: string, name: string, version: string, requiredBy: string }} Missing where an entry belongs
 */

/**
 * The optional dependencies that a locked package names and the lock lacks.
 * @param {Lock} lock
 * @returns {Missing[]}
 */
export function missingOptional(lock) {
  const missing = new Map();
  for (const [requiredBy, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolve(lock, requiredBy, name) !== undefined) continue;
      const path = `node_modules/${name}`;
      missing.set(path, { path, name, version, requiredBy });
    }
  }
  return [...missing.values()];
}

/**
 * Where Node would find `name` for the package at `from`: in its own node_modules, else in those above it.
 * @param {Lock} lock
 * @param {string} from
 * @param {string} name
 */
function resolve(lock, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (path in lock.packages) return path;
    if (at === "") return undefined;
  }
}

/**
 * A copy of the lock with every optional dependency in it and no `resolved` address.
 * @param {Lock} lock
 * @param {(name: string, version: string) => LockEntry | undefined} describe os, cpu, libc and integrity, if known
 * @returns {Lock}
 */
export function completeLock(lock, describe) {
  /** @type {Record<string, LockEntry>} */
  const packages = {};
  for (const [path, { resolved: _, ...entry }] of Object.entries(lock.packages)) packages[path] = entry;
  for (const { path, name, version, requiredBy } of missingOptional(lock)) {
    if (!/^\d+\.\d+\.\d+/.test(version))
      throw new Error(`${requiredBy} wants ${name} ${version}: not an exact version`);
    const { dev, devOptional } = packages[requiredBy];
    const { integrity, ...platform } = describe(name, version) ?? platformOf(name);
    packages[path] = {
      version,
      ...(integrity && { integrity }),
      ...sortKeys({ ...platform, ...(dev && { dev }), ...(devOptional && { devOptional }), optional: true }),
    };
  }
  return { ...lock, packages: sortKeys(packages) };
}

// Words of platform package names, as they are used by the packages that this project's tools bring.
const OS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const CPU = /** @type {const} */ ({
  x64: "x64",
  arm64: "arm64",
  aarch64: "arm64",
  arm: "arm",
  armv7: "arm",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
});
const LIBC = { gnu: "glibc", musl: "musl", gnueabihf: "glibc", musleabihf: "musl" };

/**
 * os, cpu and libc as a platform package's name tells them: `binding-linux-arm64-musl`, `cli-win32-x64`.
 * @param {string} name
 * @returns {LockEntry}
 */
export function platformOf(name) {
  const words = name.replace(/^@[^/]+\//, "").split("-");
  const os = words.find((word) => OS.includes(word));
  const cpu = words.map((word) => CPU[/** @type {keyof typeof CPU} */ (word)]).find(Boolean);
  const libc = words.map((word) => LIBC[/** @type {keyof typeof LIBC} */ (word)]).find(Boolean);
  if (os === undefined || cpu === undefined) throw new Error(`${name}: its name does not tell its platform`);
  return { os: [os], cpu: [cpu], ...(os === "linux" && libc && { libc: [libc] }) };
}

/**
 * What the registry knows of a package, or undefined when it does not serve it.
 * @param {string} name
 * @param {string} version
 * @returns {LockEntry | undefined}
 */
function askRegistry(name, version) {
  try {
    const fields = ["os", "cpu", "libc", "engines", "license", "dist.integrity"];
    const text = execFileSync("npm", ["view", `${name}@${version}`, ...fields, "--json"], { stdio: "pipe" }).toString();
    const { "dist.integrity": integrity, ...entry } = JSON.parse(text);
    for (const key of ["os", "cpu", "libc"]) if (typeof entry[key] === "string") entry[key] = [entry[key]];
    return { ...entry, integrity };
  } catch {
    return undefined;
  }
}

/**
 * @template T
 * @param {Record<string, T>} record
 * @returns {Record<string, T>} the same, its keys in npm's order
 */
function sortKeys(record) {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a.localeCompare(b, "en")));
}

/** @param {string[]} args */
function main(args) {
  const file = args.find((arg) => !arg.startsWith("-")) ?? "package-lock.json";
  const text = readFileSync(file, "utf8");
  const lock = JSON.parse(text);
  const missing = missingOptional(lock);
  if (args.includes("--check")) {
    for (const { name, version } of missing) console.error(`${file} lacks ${name} ${version}`);
    process.exitCode = missing.length === 0 ? 0 : 1;
    return;
  }
  const completed = `${JSON.stringify(completeLock(lock, askRegistry), null, 2)}\n`;
  if (completed === text) return;
  writeFileSync(file, completed);
  console.error(`${file}: added ${missing.length} optional platform packages`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
