// Writes biome.json: the house style, and one override per room made from the import table.
//
//   node scripts/rules.ts           write it
//   node scripts/rules.ts --check   fail when it is stale

import { readFileSync, writeFileSync } from "node:fs";
import { GEN, IMPORT_TABLE, type Imports, type Room } from "./import-table.ts";

const FILE: URL = new URL("../biome.json", import.meta.url);

/** The whole of biome.json as a value. */
export function biomeConfig(): object {
  return {
    $schema: "./node_modules/@biomejs/biome/configuration_schema.json",
    files: {
      includes: [
        "src/**",
        "test/**",
        "bench/**",
        "scripts/**",
        "web/**",
        "*.json",
        "!web/dist",
        "!test/**/*.json",
        "!test/**/gen",
      ],
    },
    formatter: { indentStyle: "space", lineWidth: 120 },
    assist: { actions: { source: { organizeImports: "on" } } },
    linter: {
      rules: {
        preset: "recommended",
        // tsconfig's noPropertyAccessFromIndexSignature wants what this one forbids.
        complexity: { useLiteralKeys: "off" },
        nursery: { noFloatingPromises: "error", noMisusedPromises: "error" },
        style: {
          noCommonJs: "error",
          noDefaultExport: "error",
          useFilenamingConvention: { level: "error", options: { filenameCases: ["kebab-case"] } },
          useImportType: "error",
          useNodejsImportProtocol: "error",
        },
        suspicious: { noImportCycles: "error" },
      },
    },
    overrides: [
      ...Object.entries(IMPORT_TABLE).flatMap(([name, room]) => roomOverrides(name, room)),
      { includes: ["web/src/**"], linter: { rules: { correctness: { noNodejsModules: "error" } } } },
      // Written by this program, as JSON.stringify writes it.
      { includes: ["biome.json"], formatter: { enabled: false } },
      // Tools that read their settings from a default export.
      { includes: ["**/*.config.ts"], linter: { rules: { style: { noDefaultExport: "off" } } } },
    ],
  };
}

/** The rules of one room, then those of its files that may import more. */
function roomOverrides(name: string, room: Room): object[] {
  const files = Object.entries(room.files ?? {}).map(([file, more]) => {
    const imports: Imports = {
      rooms: [...room.rooms, ...(more.rooms ?? [])],
      packages: [...room.packages, ...(more.packages ?? [])],
      portable: more.portable ?? room.portable,
    };
    return override(`src/${name}/${file}`, name, imports);
  });
  return [override(`src/${name}/**`, name, room), ...files];
}

function override(includes: string, room: string, imports: Imports): object {
  return {
    includes: [includes],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: "error",
            options: { patterns: [{ group: importPatterns(room, imports), message: message(room, imports) }] },
          },
        },
        correctness: { noNodejsModules: imports.portable ? "error" : "off" },
      },
    },
  };
}

/**
 * Patterns of forbidden imports, the last that matches deciding: everything is forbidden, then relative paths and
 * Node's modules are not, other rooms are, and what the table lists is not.
 */
function importPatterns(room: string, { rooms, packages, portable }: Imports): string[] {
  const others = [...Object.keys(IMPORT_TABLE), GEN].filter((other) => other !== room);
  return [
    "**",
    "!./**",
    "!../**",
    ...(portable ? [] : ["!node:*", "!node:*/**"]),
    ...others.map((other) => `**/${other}/**`),
    ...rooms.map((allowed) => (allowed.includes("/") ? `!**/${allowed}.ts` : `!**/${allowed}/**`)),
    ...packages.flatMap((name) => [`!${name}`, `!${name}/**`]),
  ];
}

function message(room: string, { rooms, packages, portable }: Imports): string {
  const allowed = [...rooms, ...packages, ...(portable ? [] : ["node:*"])];
  return `${room} may import ${allowed.length === 0 ? "nothing outside itself" : allowed.join(", ")}: see scripts/import-table.ts`;
}

if (import.meta.main) {
  const text = `${JSON.stringify(biomeConfig(), null, 2)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(FILE, text);
  else if (readFileSync(FILE, "utf8") !== text) {
    console.error("biome.json is not what scripts/import-table.ts says: run `npm run house:rules`");
    process.exitCode = 1;
  }
}
