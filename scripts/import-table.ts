// Who may import whom: the one table behind the lint rules. `npm run house:rules` writes biome.json from it, a check
// fails when that file is stale, and test/unit/house/import-rules.test.ts proves that the rules bite. Dependencies point
// one way, from the doors at the bottom of this table to the portable core at its top. web, test, bench and scripts are
// outside it; nothing in src imports them.

/** What a room, or a single file of it, may import. */
export interface Imports {
  /** Other rooms, or one file of a room as `room/file`; `gen` is the generated schema. */
  rooms: readonly string[];
  /** npm packages, with all their subpaths. */
  packages: readonly string[];
  /** Runs in a page as well as in Node: no `node:` module, no global of Node. */
  portable: boolean;
}

/** One folder of src. */
export interface Room extends Imports {
  /** What a file of the room may import beyond that: its name, and what it adds. */
  files?: Readonly<Record<string, Partial<Imports>>>;
}

/** The name under which the table lists the generated schema, the folder gen beside src. */
export const GEN = "gen";

/** Every room of src, lowest floor first. */
export const IMPORT_TABLE: Readonly<Record<string, Room>> = {
  // The portable core.
  base: { rooms: [], packages: [], portable: true },
  proof: { rooms: ["base"], packages: ["@noble/hashes", "@noble/curves"], portable: true },
  wire: { rooms: ["base", "proof", GEN], packages: ["@bufbuild/protobuf"], portable: true },

  // The engine.
  store: {
    rooms: ["base", "proof"],
    packages: [],
    portable: false,
    files: { "engine-lmdb.ts": { packages: ["lmdb"] } },
  },
  sql: { rooms: ["base", "proof", "store"], packages: [], portable: false },
  document: { rooms: ["base", "proof", "store", "sql"], packages: [], portable: false },
  database: { rooms: ["base", "proof", "store", "sql", "document"], packages: [], portable: false },

  // The doors.
  auth: { rooms: ["base", "store/engine", "database"], packages: [], portable: false },
  client: {
    rooms: ["base", "proof", "wire", GEN],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"],
    portable: true,
    files: {
      "node.ts": { packages: ["@connectrpc/connect-node"], portable: false },
      "eager-streams.ts": { packages: ["@connectrpc/connect-node"], portable: false },
    },
  },
  // Of the store its errors: a transaction that does not continue the chain is a divergence, any other refusal is not.
  replication: {
    rooms: ["base", "proof", "wire", "store/errors", "database", "client"],
    packages: [],
    portable: false,
  },
  services: {
    // The error table maps the codes of every room below to what clients match on, the store's too.
    rooms: ["base", "proof", "wire", "store/errors", "database", "auth", "replication", GEN],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect"],
    portable: false,
  },
  http2: { rooms: ["base"], packages: ["@connectrpc/connect"], portable: false },
  pgwire: { rooms: ["base", "sql", "database", "auth"], packages: [], portable: false },
  gateway: { rooms: ["base", "wire", "client", GEN], packages: ["@bufbuild/protobuf"], portable: false },

  // Where things are wired, and what a person types.
  server: {
    rooms: ["base", "proof", "store", "database", "auth", "replication", "services", "http2", "pgwire", "gateway"],
    packages: ["@connectrpc/connect", "@connectrpc/connect-node", "pino", "prom-client", "smol-toml"],
    portable: false,
    files: {
      // Loaded only when a certificate is made.
      "auto-cert.ts": { packages: ["@peculiar/x509", "reflect-metadata"] },
      // Loaded only when the environment asks for it.
      "telemetry.ts": {
        packages: [
          "@opentelemetry/api",
          "@opentelemetry/core",
          "@opentelemetry/exporter-metrics-otlp-proto",
          "@opentelemetry/exporter-trace-otlp-proto",
          "@opentelemetry/resources",
          "@opentelemetry/sdk-metrics",
          "@opentelemetry/sdk-trace",
        ],
      },
    },
  },
  cli: {
    // Of replication: what it takes to bring one server's databases into another.
    rooms: ["base", "proof", "wire", "client", "replication", "gateway", "server", GEN],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "commander", "@inquirer/password", "table"],
    portable: false,
  },
};
