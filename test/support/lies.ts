// Every kind of lie that a server could tell about a record, each with the check that must catch it.

import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { KVMetadataSchema, VerifiableGetRequestSchema } from "../../gen/immudb/schema/kv_pb.ts";
import type { ImmutableState, VerifiableEntry, VerifiableTx } from "../../gen/immudb/schema/proof_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { CheckName } from "../../src/client/errors.ts";
import { type Answer, answered, type Call, type Lie, refused } from "./tampering-proxy.ts";

export interface NamedLie {
  /** What the server does, as a sentence about it. */
  readonly name: string;
  /** During which operation. */
  readonly during: "get" | "set";
  /** The check that must fail. */
  readonly caughtBy: CheckName;
  readonly lie: Lie;
}

const { verifiableGet, verifiableSet, currentState } = ImmuService.method;

/** Changes the true answer of one method. */
function changed<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  change: (message: MessageShape<O>, headers: Headers) => void,
): Lie {
  return async (call) => {
    const request = call.requestOf(method);
    if (request === undefined) return undefined;
    const { message, headers } = await call.ask(method, request);
    const ownHeaders = new Headers(headers);
    change(message, ownHeaders);
    return answered(method, message, ownHeaders);
  };
}

/** Lies about a key that was read before, and another that was written after it. */
export function liesAboutReads(otherKey: string): NamedLie[] {
  const get = (name: string, caughtBy: CheckName, change: (answer: VerifiableEntry, headers: Headers) => void) => ({
    name,
    during: "get" as const,
    caughtBy,
    lie: changed(verifiableGet, change),
  });
  return [
    get("answers another value", "entries_inclusion", ({ entry }) => {
      must(entry).value = utf8("something else");
    }),
    get("answers with one bit of the value flipped", "entries_inclusion", ({ entry }) => flip(must(entry).value)),
    get("lets the record expire", "entries_inclusion", ({ entry }) => {
      must(entry).metadata = create(KVMetadataSchema, { expiration: { expiresAt: 4102444800n } });
    }),
    get("says that another transaction wrote it", "dual_proof_tx_ids", ({ entry }) => {
      must(entry).tx += 1n;
    }),
    get(
      "changes a term of the proof that the record is in the transaction",
      "entries_inclusion",
      ({ inclusionProof }) => flip(must(must(inclusionProof).terms[0])),
    ),
    get("moves the record to another place in the transaction", "entries_inclusion", ({ inclusionProof }) => {
      must(inclusionProof).leaf ^= 1;
    }),
    get("changes the time of the transaction", "tx_header", ({ verifiableTx }) => {
      must(must(verifiableTx?.tx).header).ts += 1n;
    }),
    get("changes the time in every copy of the transaction", "history_inclusion", ({ verifiableTx }) => {
      for (const header of headersIn(must(verifiableTx))) header.ts += 1n;
    }),
    get("changes the hash of the transaction's records in every copy", "entries_inclusion", ({ verifiableTx }) => {
      for (const header of headersIn(must(verifiableTx))) flip(header.eH);
    }),
    get("changes a term of the proof of history", "history_inclusion", ({ verifiableTx }) => {
      const proof = must(verifiableTx?.dualProof);
      flip(must(proof.inclusionProof[0] ?? proof.consistencyProof[0] ?? proof.linearProof?.terms[0]));
    }),
    get("leaves the proof of history out", "part_missing", ({ verifiableTx }) => {
      delete must(verifiableTx).dualProof;
    }),
    get("shortens a hash", "digest_length", ({ verifiableTx }) => {
      const header = must(must(verifiableTx?.tx).header);
      header.eH = header.eH.subarray(1);
    }),
    get("calls itself another server", "server_identity", (_answer, headers) =>
      headers.set("immudb-uuid", "d0000000000000000000"),
    ),
    {
      name: "answers with the record of another key",
      during: "get",
      caughtBy: "entries_inclusion",
      lie: otherRecord(otherKey),
    },
    { name: "has gone back to an older state", during: "get", caughtBy: "state_rolled_back", lie: rolledBack },
  ];
}

export function liesAboutWrites(): NamedLie[] {
  const set = (name: string, caughtBy: CheckName, change: (answer: VerifiableTx) => void) => ({
    name,
    during: "set" as const,
    caughtBy,
    lie: changed(verifiableSet, change),
  });
  return [
    { name: "writes another value", during: "set", caughtBy: "entry_digest", lie: otherWrite },
    { name: "shows an old receipt and writes nothing", during: "set", caughtBy: "tx_not_new", lie: oldReceipt() },
    set("says that the transaction came later", "tx_header", ({ tx }) => {
      must(tx?.header).id += 1n;
    }),
    set("changes the hash of the trusted history", "source_alh", ({ dualProof }) =>
      flip(must(dualProof?.sourceTxHeader).prevAlh),
    ),
    set("changes the root of the history", "tx_header", ({ dualProof }) =>
      flip(must(dualProof?.targetTxHeader).blRoot),
    ),
    set("changes how the old history fits into the new", "history_consistency", ({ dualProof }) =>
      flip(must(dualProof?.consistencyProof[0] ?? dualProof?.inclusionProof[0])),
    ),
    set("changes the last link of the history", "history_last_inclusion", ({ dualProof }) =>
      flip(must(dualProof).targetBlTxAlh),
    ),
  ];
}

/** The true record of another key, with its true proof. */
function otherRecord(key: string): Lie {
  return async (call) => {
    const request = call.requestOf(verifiableGet);
    if (request === undefined) return undefined;
    const other = create(VerifiableGetRequestSchema, {
      keyRequest: { key: utf8(key) },
      proveSinceTx: request.proveSinceTx,
    });
    const { message, headers } = await call.ask(verifiableGet, other);
    return answered(verifiableGet, message, headers);
  };
}

/** A server that was set back does not know the trusted transaction any more. */
async function rolledBack(call: Call): Promise<Answer | undefined> {
  if (call.requestOf(verifiableGet) === undefined && call.requestOf(currentState) === undefined) return undefined;
  const { message, headers } = await call.ask(currentState, create(EmptySchema));
  if (call.requestOf(verifiableGet) !== undefined) return refused("invalid_argument", "illegal state", headers);
  const state: ImmutableState = message;
  state.txId -= 2n;
  flip(state.txHash);
  return answered(currentState, state, headers);
}

/** Writes something else than asked, and proves that. */
async function otherWrite(call: Call): Promise<Answer | undefined> {
  const request = call.requestOf(verifiableSet);
  if (request === undefined) return undefined;
  for (const kv of request.setRequest?.KVs ?? []) kv.value = utf8("not what you wrote");
  const { message, headers } = await call.ask(verifiableSet, request);
  return answered(verifiableSet, message, headers);
}

/** Keeps the first receipt that it sees, and shows it again. */
function oldReceipt(): Lie {
  let receipt: Answer | undefined;
  return async (call) => {
    const request = call.requestOf(verifiableSet);
    if (request === undefined || receipt !== undefined) return request && receipt;
    const { message, headers } = await call.ask(verifiableSet, request);
    receipt = answered(verifiableSet, message, headers);
    return receipt;
  };
}

function headersIn({ tx, dualProof }: VerifiableTx): { ts: bigint; eH: Uint8Array }[] {
  const header = must(tx?.header);
  const copies = [dualProof?.sourceTxHeader, dualProof?.targetTxHeader].filter((copy) => copy?.id === header.id);
  return [header, ...copies.filter((copy) => copy !== undefined)];
}

function flip(bytes: Uint8Array): void {
  bytes[bytes.length >> 1] = must(bytes[bytes.length >> 1]) ^ 1;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the answer lacks the part to lie about");
  return value;
}
