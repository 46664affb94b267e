// The facts of an interface, one line each, so that two descriptions of it can be compared whatever their order and files:
//
//   message immudb.schema.Op / 1 kv immudb.schema.KeyValue oneof=operation
//   enum immudb.schema.TxMode / 2 ReadWrite
//   service immudb.schema.ImmuService / Login immudb.schema.LoginRequest immudb.schema.LoginResponse unary deprecated
//
// `writtenFacts` reads them from wire.txt, `schemaFacts` from descriptors.
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescService,
  ScalarType,
} from "@bufbuild/protobuf";

const STREAMING = {
  unary: "unary",
  server_streaming: "server-stream",
  client_streaming: "client-stream",
  bidi_streaming: "bidi-stream",
};

/** Facts of a text in the form of wire.txt: owners at the margin, what they have indented below, columns by tabs. */
export function writtenFacts(text: string): Set<string> {
  const facts = new Set<string>();
  let owner = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("  ")) facts.add(`${owner} / ${line.trim().replaceAll("\t", " ")}`);
    else {
      owner = line;
      facts.add(owner);
    }
  }
  return facts;
}

/** Facts of files, with everything that is declared in them. */
export function schemaFacts(files: Iterable<DescFile>): Set<string> {
  const facts = new Set<string>();
  for (const file of files) {
    for (const message of file.messages) addMessage(facts, message);
    for (const declared of file.enums) addEnum(facts, declared);
    for (const service of file.services) addService(facts, service);
  }
  return facts;
}

function addMessage(facts: Set<string>, message: DescMessage): void {
  const owner = `message ${message.typeName}`;
  facts.add(owner);
  for (const field of message.fields) {
    const marks = [
      field.oneof && `oneof=${field.oneof.name}`,
      field.proto.proto3Optional && "optional",
      field.deprecated && "deprecated",
    ];
    facts.add([`${owner} /`, field.number, field.name, typeOf(field), ...marks.filter(Boolean)].join(" "));
  }
  for (const nested of message.nestedMessages) addMessage(facts, nested);
  for (const nested of message.nestedEnums) addEnum(facts, nested);
}

function addEnum(facts: Set<string>, declared: DescEnum): void {
  const owner = `enum ${declared.typeName}`;
  facts.add(owner);
  for (const value of declared.values) facts.add(`${owner} / ${value.number} ${value.name}`);
}

function addService(facts: Set<string>, service: DescService): void {
  const owner = `service ${service.typeName}`;
  facts.add(owner);
  for (const m of service.methods) {
    const fact = `${owner} / ${m.name} ${m.input.typeName} ${m.output.typeName} ${STREAMING[m.methodKind]}`;
    facts.add(m.deprecated ? `${fact} deprecated` : fact);
  }
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarName(field.scalar);
    case "message":
      return field.message.typeName;
    case "enum":
      return field.enum.typeName;
    case "list":
      return `repeated ${elementName(field.listKind, field)}`;
    case "map":
      return `map<${scalarName(field.mapKey)}, ${elementName(field.mapKind, field)}>`;
  }
}

function elementName(kind: "scalar" | "message" | "enum", { scalar, message, enum: declared }: DescField): string {
  return kind === "scalar" ? scalarName(scalar as ScalarType) : ((message ?? declared)?.typeName ?? "?");
}

function scalarName(scalar: ScalarType): string {
  return (ScalarType[scalar] as string).toLowerCase();
}
