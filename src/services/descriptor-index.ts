// Where everything that some services are made of is declared: the generated descriptors, by the names that reflection asks
// for.

import { type DescEnum, type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

export class DescriptorIndex {
  /** Full names of the services, in order. */
  readonly services: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  /** By full name of the extended message and field number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  constructor(services: readonly DescService[]) {
    this.services = services.map(({ typeName }) => typeName).toSorted();
    for (const { file } of services) this.#addFile(file);
  }

  /** A file by its name, such as `google/protobuf/empty.proto`. */
  fileNamed(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a full name. */
  fileWithSymbol(name: string): DescFile | undefined {
    return this.#symbols.get(name);
  }

  /** The file that declares the extension of a message with this field number. */
  fileWithExtension(messageName: string, number: number): DescFile | undefined {
    return this.#extensions.get(messageName)?.get(number);
  }

  /** Field numbers of a message's extensions, upwards; undefined for what is no message. */
  extensionNumbers(messageName: string): number[] | undefined {
    const numbers = this.#extensions.get(messageName);
    return numbers && [...numbers.keys()].toSorted((a, b) => a - b);
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
    for (const message of file.messages) this.#addMessage(message);
    for (const declared of file.enums) this.#addEnum(declared);
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file);
      for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, file);
    }
    for (const extension of file.extensions)
      this.#addExtension(extension.typeName, extension.extendee, extension.number, file);
  }

  #addMessage(message: DescMessage): void {
    const { typeName, file } = message;
    this.#symbols.set(typeName, file);
    this.#extensionsOf(typeName);
    for (const { name } of [...message.fields, ...message.oneofs]) this.#symbols.set(`${typeName}.${name}`, file);
    for (const nested of message.nestedMessages) this.#addMessage(nested);
    for (const nested of message.nestedEnums) this.#addEnum(nested);
    for (const { typeName: name, extendee, number } of message.nestedExtensions) {
      this.#addExtension(name, extendee, number, file);
    }
  }

  #addEnum({ typeName, values, file }: DescEnum): void {
    this.#symbols.set(typeName, file);
    // The names of its values stand beside its own, not below it.
    const scope = typeName.slice(0, typeName.lastIndexOf(".") + 1);
    for (const { name } of values) this.#symbols.set(`${scope}${name}`, file);
  }

  #addExtension(name: string, extendee: DescMessage, number: number, file: DescFile): void {
    this.#symbols.set(name, file);
    this.#extensionsOf(extendee.typeName).set(number, file);
  }

  #extensionsOf(messageName: string): Map<number, DescFile> {
    let numbers = this.#extensions.get(messageName);
    if (numbers === undefined) {
      numbers = new Map();
      this.#extensions.set(messageName, numbers);
    }
    return numbers;
  }
}

/** A file and all that it imports, the file first, but for those in `except`, to which they are added. */
export function withDependencies(file: DescFile, except: Set<DescFile>): DescFile[] {
  if (except.has(file)) return [];
  except.add(file);
  return [file, ...file.dependencies.flatMap((dependency) => withDependencies(dependency, except))];
}

const known = new WeakMap<DescFile, Uint8Array>();

/** As google.protobuf.FileDescriptorProto; made once. */
export function serialised(file: DescFile): Uint8Array {
  const found = known.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
  known.set(file, found);
  return found;
}
