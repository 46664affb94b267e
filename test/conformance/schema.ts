// The project's own .proto files, read by a parser that is not the product's.

import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const PROTO_DIR = fileURLToPath(new URL("../../proto", import.meta.url));
/** Holds google/protobuf/descriptor.proto. */
const PARSER_DIR = dirname(fileURLToPath(import.meta.resolve("protobufjs")));

/** Every message and service of the contract, by reflection. */
export function loadSchema(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => `${target.startsWith("google/") ? PARSER_DIR : PROTO_DIR}/${target}`;
  root.loadSync(globSync("immudb/**/*.proto", { cwd: PROTO_DIR }), { keepCase: true });
  root.resolveAll();
  return root;
}
