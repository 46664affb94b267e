// Database settings on the wire: every value in a wrapper of its own, so that "not set" differs from zero. Message and domain
// type name their fields alike, so the mapping walks the message's description instead of listing sixty names twice.

import { create, type DescField, type DescMessage } from "@bufbuild/protobuf";
import {
  type DatabaseNullableSettings,
  DatabaseNullableSettingsSchema,
  type DatabaseSettings as WireDatabaseSettings,
} from "../../gen/immudb/schema/settings_pb.ts";
import { assert } from "../base/assert.ts";
import type { DatabaseSettings, DatabaseSettingsChange } from "../database/settings.ts";

type Values = Readonly<Record<string, unknown>>;

/** Every setting with its value, except that passwords are not told. */
export function settingsToWire(settings: DatabaseSettings): DatabaseNullableSettings {
  const shown = { ...settings, replicationSettings: { ...settings.replicationSettings, primaryPassword: "" } };
  return groupToWire(DatabaseNullableSettingsSchema, shown as unknown as Values) as DatabaseNullableSettings;
}

/** The settings that the message names. */
export function settingsFromWire(message: DatabaseNullableSettings | undefined): DatabaseSettingsChange {
  return message === undefined ? {} : groupFromWire(DatabaseNullableSettingsSchema, message as unknown as Values);
}

/** The older message, where zero means "not set". */
export function plainSettingsFromWire(message: WireDatabaseSettings): DatabaseSettingsChange {
  return {
    replicationSettings: {
      replica: message.replica,
      primaryDatabase: message.primaryDatabase,
      primaryHost: message.primaryHost,
      primaryPort: message.primaryPort,
      primaryUsername: message.primaryUsername,
      primaryPassword: message.primaryPassword,
    },
    fileSize: message.fileSize || undefined,
    maxKeyLen: message.maxKeyLen || undefined,
    maxValueLen: message.maxValueLen || undefined,
    maxTxEntries: message.maxTxEntries || undefined,
    excludeCommitTime: message.excludeCommitTime || undefined,
  };
}

function groupToWire(group: DescMessage, values: Values): object {
  const message = create(group) as unknown as Record<string, unknown>;
  for (const field of group.fields) {
    const value = values[field.localName];
    const of = messageOf(field);
    if (typeof value === "object" && value !== null) message[field.localName] = groupToWire(of, value as Values);
    else message[field.localName] = wrap(of, value);
  }
  return message;
}

function groupFromWire(group: DescMessage, message: Values): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of group.fields) {
    const part = message[field.localName] as Values | undefined;
    if (part === undefined) continue;
    const of = messageOf(field);
    values[field.localName] = isWrapper(of) ? unwrap(part) : groupFromWire(of, part);
  }
  return values;
}

function messageOf(field: DescField): DescMessage {
  assert(field.fieldKind === "message", `setting ${field.name} is neither a wrapper nor a group`);
  return field.message;
}

function isWrapper(message: DescMessage): boolean {
  return message.typeName.startsWith("immudb.schema.Nullable");
}

function wrap(wrapper: DescMessage, value: unknown): object {
  const empty = create(wrapper) as unknown as { value: unknown };
  empty.value = typeof empty.value === "bigint" ? BigInt(value as number) : value;
  assert(typeof empty.value !== "undefined", `no value for a ${wrapper.name}`);
  return empty;
}

function unwrap({ value }: Values): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
