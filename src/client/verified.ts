// One verified call, from the trusted state to the next.
//
//   lock (server, database)
//     trusted state ◀── store; at first contact CurrentState, signature checked when a key is configured
//     answer        ◀── server, asked to prove everything since the trusted state
//     server identity, then the proof (src/proof/verify.ts)         any failure: VerificationError, the state stays
//     new state     ──▶ store                                       only forward
//   unlock

import { type CallOptions, type Client, ConnectError } from "@connectrpc/connect";
import type { ImmutableState, VerifiableTx as WireVerifiableTx } from "../../gen/immudb/schema/proof_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction } from "../../gen/immudb/schema/tx_pb.ts";
import type { DualProof, State, VerifiableTx } from "../proof/model.ts";
import { alh, EMPTY_ALH } from "../proof/tx-header.ts";
import { auditedState, type Trusted } from "../proof/verify.ts";
import { dualProofFromWire } from "../wire/proofs.ts";
import { stateFromWire } from "../wire/state.ts";
import { historyChecks, OPERATION_CHECKS, type PassedCheck } from "./checks.ts";
import { asVerificationError, type TxPoint, VerificationError } from "./errors.ts";
import { refusalOf } from "./refusals.ts";
import { type StateSlot, type StateStore, sameState } from "./trusted-state.ts";

/** What a verified call has to say for itself. */
export interface ProofReport {
  /** Names of the checks made, in order; all have passed. */
  readonly checks: readonly PassedCheck[];
  /** The state trusted from now on. */
  readonly state: State;
  /** The state that it was proven against; undefined when nothing was known before (first contact with an empty database). */
  readonly trusted: State | undefined;
}

/** What differs between set, get and tx by id. `Wire` is the message answered, `Answer` its meaning. */
export interface Operation<Wire, Answer> {
  readonly kind: keyof typeof OPERATION_CHECKS;
  call(proveSinceTx: bigint, options: CallOptions): Promise<Wire>;
  decode(wire: Wire): Answer;
  /** The part of the answer that leads to the new state. */
  proofOf(answer: Answer): VerifiableTx;
  verify(trusted: Trusted, answer: Answer): Promise<State>;
}

/** Whom verified calls go to and what they are held to. */
export interface VerifiedServer {
  readonly address: string;
  readonly store: StateStore;
  /** Uncompressed point of the server's key; undefined when none is configured. */
  readonly publicKey: Uint8Array | undefined;
  readonly rpc: Client<typeof ImmuService>;
}

export interface Verified<Answer> {
  readonly answer: Answer;
  readonly proof: ProofReport;
}

/**
 * Runs one operation on a database, alone, with `base` as the options of each call it makes. Throws VerificationError,
 * ClientError, or what the server refuses with.
 */
export function runVerified<Wire, Answer>(
  server: VerifiedServer,
  database: string,
  base: CallOptions,
  operation: Operation<Wire, Answer>,
): Promise<Verified<Answer>> {
  return server.store.exclusively(server.address, database, async (slot) => {
    const call = new VerifiedCall({ ...server, database, base, slot }, await slot.uuid());
    return call.run(operation);
  });
}

const WRITE_MAY_STAND =
  "the write may have been committed all the same; do not rely on it, keep the trusted state as evidence and ask who runs the server";

interface CallContext extends VerifiedServer {
  readonly database: string;
  readonly base: CallOptions;
  readonly slot: StateSlot;
}

/** One call under the lock. */
class VerifiedCall {
  readonly #context: CallContext;
  /** The pinned uuid, or the first one seen in this call. */
  #uuid: string | undefined;
  #trusted: State | undefined;

  constructor(context: CallContext, uuid: string | undefined) {
    this.#context = context;
    this.#uuid = uuid;
  }

  async run<Wire, Answer>(operation: Operation<Wire, Answer>): Promise<Verified<Answer>> {
    this.#trusted = (await this.#context.slot.state()) ?? (await this.#firstContact());
    const since = this.#trusted?.txId ?? 0n;
    const wire = await this.#identified((options) => operation.call(since, options)).catch((error) =>
      this.#refused(error),
    );
    const { answer, state, tx } = await this.#verified(operation, wire);
    await this.#store(state);
    const signed = this.#context.publicKey !== undefined;
    const checks: PassedCheck[] = [
      "server_identity",
      ...OPERATION_CHECKS[operation.kind],
      ...historyChecks(tx.dualProof, signed),
    ];
    return { answer, proof: { checks, state, trusted: this.#trusted } };
  }

  /** Trust on first use: what the server says now is what it will be held to. An empty database gives nothing to hold on to. */
  async #firstContact(): Promise<State | undefined> {
    const wire = await this.#identified((options) => this.#context.rpc.currentState({}, options));
    const state = await this.#audited(wire);
    if (state.txId === 0n) return undefined;
    await this.#store(state);
    return state;
  }

  async #verified<Wire, Answer>(
    operation: Operation<Wire, Answer>,
    wire: Wire,
  ): Promise<{ answer: Answer; state: State; tx: VerifiableTx }> {
    let offered: TxPoint | undefined;
    try {
      const answer = operation.decode(wire);
      const tx = operation.proofOf(answer);
      offered = pointOf(tx.dualProof);
      return { answer, tx, state: await operation.verify(this.#trust(), answer) };
    } catch (error) {
      throw this.#failed(error, offered, operation.kind === "set" ? WRITE_MAY_STAND : undefined);
    }
  }

  /** The server refused. If it says that it does not know the trusted transaction, it must prove that it has lost nothing. */
  async #refused(error: unknown): Promise<never> {
    if (refusalOf(error) === "illegal_state" && this.#trusted !== undefined) {
      await this.#audited(await this.#identified((options) => this.#context.rpc.currentState({}, options)));
    }
    throw error;
  }

  /** Checks a current state of the server against the trusted one. */
  async #audited(wire: ImmutableState): Promise<State> {
    let offered: TxPoint | undefined;
    try {
      const current = stateFromWire(wire);
      offered = current;
      return await auditedState({ ...this.#trust(), fetchDualProof: this.#fetchDualProof }, current);
    } catch (error) {
      throw this.#failed(error, offered, this.#trusted && this.#ifOnPurpose("the database was restored or made anew"));
    }
  }

  #trust(): Trusted {
    const nothing: State = { db: this.#context.database, txId: 0n, txHash: EMPTY_ALH, signature: undefined };
    return {
      state: this.#trusted ?? nothing,
      publicKey: this.#context.publicKey,
      fetchDualProof: this.#fetchDualProof,
    };
  }

  readonly #fetchDualProof = async (tx: bigint, proveSinceTx: bigint): Promise<DualProof> => {
    const entriesSpec = { kvEntriesSpec: { action: EntryTypeAction.EXCLUDE } };
    const wire: WireVerifiableTx = await this.#identified((options) =>
      this.#context.rpc.verifiableTxById({ tx, proveSinceTx, entriesSpec }, options),
    );
    return dualProofFromWire(wire.dualProof);
  };

  /** Makes one call and insists that the answer, or the refusal, comes from the server known at this address. */
  async #identified<T>(call: (options: CallOptions) => Promise<T>): Promise<T> {
    let seen: string | null = null;
    const onHeader = (headers: Headers): void => {
      seen = headers.get("immudb-uuid");
    };
    let answer: T;
    try {
      answer = await call({ ...this.#context.base, onHeader });
    } catch (error) {
      // A refusal that comes from no server at all (nobody answers) carries no uuid.
      const refuser = error instanceof ConnectError ? error.metadata.get("immudb-uuid") : null;
      if (refuser !== null) this.#checkUuid(refuser);
      throw error;
    }
    if (seen === null)
      throw this.#identityFailure("the server does not say who it is (its answer lacks the header immudb-uuid)");
    this.#checkUuid(seen);
    this.#uuid = seen;
    return answer;
  }

  #checkUuid(seen: string): void {
    if (this.#uuid !== undefined && seen !== this.#uuid) throw this.#otherServer(seen, this.#uuid);
  }

  #otherServer(seen: string, known: string): VerificationError {
    return this.#identityFailure(`the server calls itself ${seen}; the one known at this address is ${known}`);
  }

  #identityFailure(reason: string): VerificationError {
    const { address: server, database } = this.#context;
    const next = this.#ifOnPurpose("the server was replaced");
    return new VerificationError({
      check: "server_identity",
      reason,
      server,
      database,
      trusted: this.#trusted,
      offered: undefined,
      next,
    });
  }

  #ifOnPurpose(what: string): string {
    const { address, store } = this.#context;
    return `if ${what} on purpose, ${store.howToForget(address)}, and the next verified call trusts it anew; if not, the answer cannot be relied on`;
  }

  /** Keeps a state that has passed every check, and with it the identity of who gave it. */
  async #store(state: State): Promise<void> {
    const { slot } = this.#context;
    // At first contact with another database at the same time, another server may have been pinned meanwhile.
    const uuid = this.#uuid as string;
    const pinned = await slot.pin(uuid);
    if (pinned !== uuid) throw this.#otherServer(uuid, pinned);
    if (!sameState(this.#trusted, state)) await slot.advance(this.#trusted, state);
  }

  #failed(error: unknown, offered: TxPoint | undefined, next: string | undefined): unknown {
    const { address: server, database } = this.#context;
    return asVerificationError(error, { server, database, trusted: this.#trusted, offered, next });
  }
}

function pointOf({ targetTxHeader: target }: DualProof): TxPoint {
  return { txId: target.id, txHash: alh(target) };
}
