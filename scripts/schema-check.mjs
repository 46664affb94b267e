// Says whether the generated code is what the schemas generate: generates it anew beside the project and compares file by
// file. Exit code 1 names each file that differs. `npm run schema:gen` puts it right.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Folders of generated code, each with what `buf generate` is told to make it. */
const GENERATED = {
  gen: [],
  "test/conformance-rpc/gen": ["test/conformance-rpc/proto", "--template", "test/conformance-rpc/buf.gen.yaml"],
};

const fresh = mkdtempSync(join(tmpdir(), "schema-check-"));
try {
  const differing = Object.entries(GENERATED).flatMap(([folder, args]) => {
    execFileSync("buf", ["generate", ...args, "--output", fresh], { stdio: "inherit" });
    return differences(folder, join(fresh, folder)).map((path) => join(folder, path));
  });
  for (const path of differing) console.error(`${path} is not what the schema generates`);
  if (differing.length > 0) {
    console.error("run: npm run schema:gen");
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true });
}

/** Paths of the files that are missing on one side, or not the same on both. */
function differences(left, right) {
  const [a, b] = [contents(left), contents(right)];
  const paths = new Set([...a.keys(), ...b.keys()]);
  return [...paths].filter((path) => a.get(path) !== b.get(path)).sort();
}

/** Text of every file below a folder, under its path there. */
function contents(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]));
}
