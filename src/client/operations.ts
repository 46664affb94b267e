// The verified operations: which call is made, how its answer is read, and which proof it must pass.

import type { Client } from "@connectrpc/connect";
import type {
  VerifiableEntry as WireVerifiableEntry,
  VerifiableTx as WireVerifiableTx,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { equalBytes } from "../base/bytes.ts";
import { check } from "../proof/errors.ts";
import { encodeKvMetadata } from "../proof/kv-metadata.ts";
import type { Entry, VerifiableEntry, VerifiableTx } from "../proof/model.ts";
import {
  type ReferenceRequest,
  type SetRequest,
  verifiedGet,
  verifiedReference,
  verifiedSet,
  verifiedTxById,
  verifiedZAdd,
  type ZAddRequest,
} from "../proof/verify.ts";
import { verifiableEntryFromWire, verifiableTxFromWire } from "../wire/verifiable.ts";
import { keyRequestToWire, keyValueToWire, type ReadOptions, referenceRequestToWire, zAddToWire } from "./requests.ts";
import type { Operation } from "./verified.ts";

type Rpc = Client<typeof ImmuService>;

const WRITE: Pick<WriteOperation, "kind" | "decode" | "proofOf"> = {
  kind: "set",
  decode: verifiableTxFromWire,
  proofOf: (answer) => answer,
};

/** Every write is answered with the transaction that it made. */
export type WriteOperation = Operation<WireVerifiableTx, VerifiableTx>;

export function setOperation(rpc: Rpc, entry: SetRequest): WriteOperation {
  return {
    ...WRITE,
    call: (proveSinceTx, options) =>
      rpc.verifiableSet({ setRequest: { KVs: [keyValueToWire(entry)] }, proveSinceTx }, options),
    verify: (trusted, answer) => verifiedSet(trusted, [entry], answer),
  };
}

export function referenceOperation(rpc: Rpc, request: ReferenceRequest): WriteOperation {
  return {
    ...WRITE,
    call: (proveSinceTx, options) =>
      rpc.verifiableSetReference({ referenceRequest: referenceRequestToWire(request), proveSinceTx }, options),
    verify: (trusted, answer) => verifiedReference(trusted, request, answer),
  };
}

export function zAddOperation(rpc: Rpc, request: ZAddRequest): WriteOperation {
  return {
    ...WRITE,
    call: (proveSinceTx, options) => rpc.verifiableZAdd({ zAddRequest: zAddToWire(request), proveSinceTx }, options),
    verify: (trusted, answer) => verifiedZAdd(trusted, request, answer),
  };
}

/** `claimed`: what a reference said that it leads to. The answer must say the same, and its proof then covers it. */
export function getOperation(
  rpc: Rpc,
  key: Uint8Array,
  options: ReadOptions,
  claimed: Entry | undefined,
): Operation<WireVerifiableEntry, VerifiableEntry> {
  return {
    kind: "get",
    call: (proveSinceTx, call) => rpc.verifiableGet({ keyRequest: keyRequestToWire(key, options), proveSinceTx }, call),
    decode: verifiableEntryFromWire,
    proofOf: (answer) => answer.verifiableTx,
    verify: (trusted, answer) => {
      if (claimed !== undefined) checkTarget(claimed, answer.entry);
      return verifiedGet(trusted, { key, atTx: options.atTx ?? 0n }, answer);
    },
  };
}

export function txOperation(rpc: Rpc, tx: bigint): Operation<WireVerifiableTx, VerifiableTx> {
  return {
    kind: "tx",
    call: (proveSinceTx, options) => rpc.verifiableTxById({ tx, proveSinceTx }, options),
    decode: verifiableTxFromWire,
    proofOf: (answer) => answer,
    verify: (trusted, answer) => verifiedTxById(trusted, { tx, rawValues: false }, answer),
  };
}

/** Throws ProofError `entry_value` unless the target of a reference is a plain entry with the value that the reference gave. */
function checkTarget(claimed: Entry, target: Entry): void {
  const same =
    target.referencedBy === undefined &&
    equalBytes(claimed.value, target.value) &&
    equalBytes(encodeKvMetadata(claimed.metadata), encodeKvMetadata(target.metadata));
  check(same, "entry_value", "the reference was answered with a value that is not the one written", {
    txId: claimed.tx,
  });
}
