// What a client wants to write, as the messages want it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { KeyValueSchema, PreconditionSchema } from "../../gen/immudb/schema/kv_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { KvMetadata } from "../../src/proof/model.ts";
import { kvMetadataToWire } from "../../src/wire/metadata.ts";
import type { Condition, Write } from "./ledger.ts";

export function writeToWire(write: Write): MessageInitShape<typeof KeyValueSchema> {
  const pair = { key: utf8(write.key), value: utf8(write.value) };
  const metadata = kvMetadataToWire(metadataOf(write));
  return metadata === undefined ? pair : { ...pair, metadata };
}

/** undefined when there are no attributes. */
export function metadataOf({ deleted, expiresAt, nonIndexable }: Write): KvMetadata | undefined {
  return deleted || expiresAt !== undefined || nonIndexable ? { deleted, expiresAt, nonIndexable } : undefined;
}

/** `readable` is what a deletion demands by itself: there is no message for it. */
export function conditionToWire(condition: Condition): MessageInitShape<typeof PreconditionSchema> {
  const key = utf8(condition.key);
  switch (condition.kind) {
    case "readable":
      return {};
    case "must_exist":
      return { precondition: { case: "keyMustExist", value: { key } } };
    case "must_not_exist":
      return { precondition: { case: "keyMustNotExist", value: { key } } };
    case "not_modified_after":
      return { precondition: { case: "keyNotModifiedAfterTX", value: { key, txID: condition.txId } } };
  }
}
