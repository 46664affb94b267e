// The schema against wire.txt: the interface that clients written for the original rely on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import type { DescFile } from "@bufbuild/protobuf";
import { schemaFacts, writtenFacts } from "./wire-facts.ts";
import { generatedFiles } from "./wire-schema.ts";

/** Packages of our own, with what the contract does not have. */
const OWN_PACKAGE = /^immudb\.\w+\.v\d+\./;

const contract = writtenFacts(readFileSync(new URL("wire.txt", import.meta.url), "utf8"));

describe("the wire contract", () => {
  let files: DescFile[];
  before(async () => {
    files = await generatedFiles();
  });

  test("holds in the schema, fact by fact", () => {
    const have = schemaFacts(files);
    const missing = [...contract].filter((fact) => !have.has(fact));
    assert.deepEqual(missing, []);
  });

  test("has the 74, 3 and 16 methods of its services, and the schema adds none to them", () => {
    const services = files.flatMap((f) => f.services).filter((s) => !OWN_PACKAGE.test(s.typeName));
    const counts = services.map((s) => [s.typeName, s.methods.length]);
    assert.deepEqual(Object.fromEntries(counts), {
      "immudb.schema.ImmuService": 74,
      "immudb.model.AuthorizationService": 3,
      "immudb.model.DocumentService": 16,
    });
    assert.equal([...contract].filter((fact) => /^service \S+ \/ /.test(fact)).length, 74 + 3 + 16);
  });

  test("marks the same methods and fields as deprecated as the schema does", () => {
    const deprecated = (facts: Set<string>) => [...facts].filter((fact) => fact.endsWith(" deprecated")).sort();
    assert.deepEqual(deprecated(schemaFacts(files)), deprecated(contract));
  });

  test("is checked for every part of a fact: owner, number, name, type, oneof, streaming kind", () => {
    const have = schemaFacts(files);
    const changed = writtenFacts(
      [
        "message immudb.schema.Nothing",
        "message immudb.schema.Op",
        "  2\tkv\timmudb.schema.KeyValue\toneof=operation",
        "  1\tkvs\timmudb.schema.KeyValue\toneof=operation",
        "  1\tkv\timmudb.schema.Entry\toneof=operation",
        "  1\tkv\timmudb.schema.KeyValue",
        "message immudb.schema.Chunk",
        "  2\tmetadata\tmap<string, string>",
        "message immudb.schema.SetRequest",
        "  1\tKVs\timmudb.schema.KeyValue",
        "enum immudb.schema.TxMode",
        "  3\tReadWrite",
        "service immudb.schema.ImmuService",
        "  streamSet\timmudb.schema.Chunk\timmudb.schema.TxHeader\tunary",
      ].join("\n"),
    );
    const owners = ["message immudb.schema.Op", "message immudb.schema.Chunk", "message immudb.schema.SetRequest"];
    const held = [...changed].filter((fact) => have.has(fact));
    assert.deepEqual(held, [...owners, "enum immudb.schema.TxMode", "service immudb.schema.ImmuService"]);
  });
});
