// A question as a call, and its answer as a text (reference.ts says what is right).

import type { Entry as WireEntry } from "../../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { entryFromWire } from "../../src/wire/entries.ts";
import type { Ledger } from "./ledger.ts";
import { entryText, type Question } from "./reference.ts";
import type { Call } from "./trusted.ts";

const METHODS = ImmuService.method;

/** Throws CallFailure when the question is refused. `ledger` is told which transactions the answer has shown. */
export async function ask(call: Call, question: Question, ledger: Ledger): Promise<string> {
  const shown = (wire: WireEntry): string => {
    ledger.saw(wire.tx);
    return entryText(entryFromWire(wire));
  };
  const list = ({ entries }: { readonly entries: readonly WireEntry[] }): string => `[${entries.map(shown).join(" ")}]`;
  switch (question.kind) {
    case "get": {
      const { key, atTx, atRevision, sinceTx } = question;
      return shown(await call(METHODS.get, { key: utf8(key), atTx, atRevision, sinceTx }));
    }
    case "getAll":
      return list(await call(METHODS.getAll, { keys: question.keys.map(utf8) }));
    case "scan": {
      const { prefix, seekKey, endKey, inclusiveSeek, inclusiveEnd, desc, offset, limit } = question;
      const bounds = { prefix: utf8(prefix), seekKey: utf8(seekKey), endKey: utf8(endKey) };
      const rest = { inclusiveSeek, inclusiveEnd, desc, offset: BigInt(offset), limit: BigInt(limit) };
      return list(await call(METHODS.scan, { ...bounds, ...rest }));
    }
    case "history": {
      const { key, offset, limit, desc } = question;
      return list(await call(METHODS.history, { key: utf8(key), offset: BigInt(offset), limit, desc }));
    }
    case "count":
      return `count ${(await call(METHODS.count, { prefix: utf8(question.prefix) })).count}`;
  }
}
