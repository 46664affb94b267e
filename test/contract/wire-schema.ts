// Every descriptor file of the generated code: what this server and its clients really speak. The services of gRPC itself,
// health and reflection, are no part of it.
import { readdirSync } from "node:fs";
import type { DescFile, DescMethod } from "@bufbuild/protobuf";

const GEN = new URL("../../gen/immudb/", import.meta.url);

/** Descriptors of all files under gen/immudb/. */
export async function generatedFiles(): Promise<DescFile[]> {
  const paths = readdirSync(GEN, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith("_pb.ts"));
  const modules: Record<string, unknown>[] = await Promise.all(paths.map((path) => import(new URL(path, GEN).href)));
  return modules.map((module, i) => {
    const [, file] = Object.entries(module).find(([name]) => name.startsWith("file_")) ?? [];
    if (!file) throw new Error(`${paths[i]} exports no file descriptor`);
    return file as DescFile;
  });
}

/** All methods of all services. */
export async function generatedMethods(): Promise<DescMethod[]> {
  return (await generatedFiles()).flatMap((file) => file.services).flatMap((service) => service.methods);
}
