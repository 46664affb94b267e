import type { DatabaseNullableSettings } from "../../../../gen/immudb/schema/settings_pb.ts";
import { NotFoundError } from "../../exit-codes.ts";
import type { Answer, Json } from "../../output.ts";
import { type Row, tableText } from "../../table.ts";
import { type AdminConnection, calling } from "../calls.ts";
import { databasesOf } from "./list.ts";

type Settings = { readonly [name: string]: Settings | string | number | boolean };

/** All settings of a database, an unloaded one too; of the one in use unless it is named. */
export function showSettings(connection: AdminConnection, name: string | undefined): Promise<Answer> {
  return calling(connection, async (calls) => {
    const database = (name ?? calls.client.database).toLowerCase();
    const found = (await databasesOf(calls)).find((one) => one.name === database);
    if (found?.settings === undefined) throw new NotFoundError(`'${database}' does not exist, or is not yours to see`);
    const settings = valuesOf(found.settings);
    return {
      text: [tableText("setting(s)", ["Setting", "Value"], rowsOf(settings))],
      json: { database, settings: settings as Json },
    };
  });
}

/** The message without its wrappers. 64-bit numbers, all of them milliseconds here, fit a number. */
function valuesOf(message: DatabaseNullableSettings | object): Settings {
  const values: Record<string, Settings | string | number | boolean> = {};
  for (const [name, part] of Object.entries(message)) {
    if (name.startsWith("$") || typeof part !== "object" || part === null) continue;
    const { value } = part as { value?: string | number | boolean | bigint };
    if (value === undefined) values[name] = valuesOf(part);
    else values[name] = typeof value === "bigint" ? Number(value) : value;
  }
  return values;
}

function rowsOf(settings: Settings, group = ""): Row[] {
  return Object.entries(settings).flatMap(([name, value]): Row[] =>
    typeof value === "object" ? rowsOf(value, `${group}${name}.`) : [[`${group}${name}`, String(value)]],
  );
}
