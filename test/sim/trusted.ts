// The verified calls of one client: each answer is proven against the state that the client trusts for the database, which
// then moves on. What does not prove itself is a ProofError.

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { SetRequestSchema } from "../../gen/immudb/schema/kv_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction } from "../../gen/immudb/schema/tx_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { Entry, State, TxHeader } from "../../src/proof/model.ts";
import { EMPTY_ALH } from "../../src/proof/tx-header.ts";
import {
  auditedState,
  type FetchDualProof,
  type Trusted,
  verifiedGet,
  verifiedSet,
  verifiedTxById,
} from "../../src/proof/verify.ts";
import { dualProofFromWire } from "../../src/wire/proofs.ts";
import { stateFromWire } from "../../src/wire/state.ts";
import { verifiableEntryFromWire, verifiableTxFromWire } from "../../src/wire/verifiable.ts";
import type { Write } from "./ledger.ts";
import { metadataOf } from "./requests.ts";

/** A call in the session of a client. */
export type Call = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
) => Promise<MessageShape<O>>;

const METHODS = ImmuService.method;
const DIGESTS_ONLY = { kvEntriesSpec: { action: EntryTypeAction.EXCLUDE } };

export class TrustedStates {
  readonly #states = new Map<string, State>();

  /** Databases of which anything is trusted. */
  get databases(): readonly string[] {
    return [...this.#states.keys()];
  }

  async set(
    call: Call,
    database: string,
    setRequest: MessageInitShape<typeof SetRequestSchema>,
    writes: readonly Write[],
  ): Promise<TxHeader> {
    const trusted = await this.#trusted(call, database);
    const wire = await call(METHODS.verifiableSet, { setRequest, proveSinceTx: trusted.state.txId });
    const answer = verifiableTxFromWire(wire);
    const pairs = writes.map((write) => ({
      key: utf8(write.key),
      value: utf8(write.value),
      metadata: metadataOf(write),
    }));
    this.#states.set(database, await verifiedSet(trusted, pairs, answer));
    return answer.tx.header;
  }

  async get(call: Call, database: string, key: string): Promise<Entry> {
    const trusted = await this.#trusted(call, database);
    const wire = await call(METHODS.verifiableGet, {
      keyRequest: { key: utf8(key) },
      proveSinceTx: trusted.state.txId,
    });
    const answer = verifiableEntryFromWire(wire);
    this.#states.set(database, await verifiedGet(trusted, { key: utf8(key), atTx: 0n }, answer));
    return answer.entry;
  }

  async txById(call: Call, database: string, tx: bigint): Promise<TxHeader> {
    const trusted = await this.#trusted(call, database);
    const answer = verifiableTxFromWire(await call(METHODS.verifiableTxById, { tx, proveSinceTx: trusted.state.txId }));
    this.#states.set(database, await verifiedTxById(trusted, { tx, rawValues: false }, answer));
    return answer.tx.header;
  }

  /** Proves that the current state of the server continues the trusted one. Returns its transaction. */
  async audit(call: Call, database: string): Promise<bigint> {
    const state = this.#states.get(database) ?? nothing(database);
    const fetchDualProof: FetchDualProof = async (tx, proveSinceTx) =>
      dualProofFromWire(
        (await call(METHODS.verifiableTxById, { tx, proveSinceTx, entriesSpec: DIGESTS_ONLY })).dualProof,
      );
    const current = stateFromWire(await call(METHODS.currentState, {}));
    const audited = await auditedState({ state, fetchDualProof }, current);
    if (audited.txId > 0n) this.#states.set(database, audited);
    return audited.txId;
  }

  /** At first contact what the server says now is what it will be held to. */
  async #trusted(call: Call, database: string): Promise<Trusted> {
    if (!this.#states.has(database)) await this.audit(call, database);
    return { state: this.#states.get(database) ?? nothing(database) };
  }
}

function nothing(db: string): State {
  return { db, txId: 0n, txHash: EMPTY_ALH, signature: undefined };
}
