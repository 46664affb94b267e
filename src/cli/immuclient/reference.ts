import { utf8 } from "../../base/bytes.ts";
import type { BindOptions } from "../../client/requests.ts";
import type { Answer } from "../output.ts";
import type { Connection } from "./connection.ts";
import { written } from "./set.ts";

/** Makes `key` stand for `target`, unverified. */
export function reference(connection: Connection, key: string, target: string, bind: BindOptions): Promise<Answer> {
  return connection.run(async (client) => {
    const { id } = await client.setReference(key, target, bind);
    return written(client, { tx: id, key, value: utf8(target) });
  });
}

/** Makes `key` stand for `target` and verifies that the server committed it. */
export function safereference(connection: Connection, key: string, target: string, bind: BindOptions): Promise<Answer> {
  return connection.run(async (client) => {
    const { header, proof } = await client.verifiedSetReference(key, target, bind);
    return written(client, { tx: header.id, key, value: utf8(target) }, proof);
  });
}
