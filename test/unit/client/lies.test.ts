// Every kind of lie that a server can tell in the answer to a verified call: each is refused by the name of the check that
// catches it, the error tells the database, what was trusted and what was offered, and the trusted state stays where it was.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  type ImmutableState,
  ImmutableStateSchema,
  type VerifiableEntry,
  VerifiableEntrySchema,
  type VerifiableTx,
  VerifiableTxSchema,
} from "../../../gen/immudb/schema/proof_pb.ts";
import { TxSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { equalBytes, utf8 } from "../../../src/base/bytes.ts";
import { type ClientOptions, ImmuClient } from "../../../src/client/client.ts";
import { VerificationError } from "../../../src/client/errors.ts";
import { MemoryStateStore } from "../../../src/client/trusted-state.ts";
import { plainKey, plainValue, referenceValue } from "../../../src/proof/keys.ts";
import type { State } from "../../../src/proof/model.ts";
import { stateToWire } from "../../../src/wire/state.ts";
import { txToWire } from "../../../src/wire/tx.ts";
import { verifiableEntryToWire, verifiableTxToWire } from "../../../src/wire/verifiable.ts";
import { FakeServer } from "../../support/fake-server.ts";
import { Ledger, type LedgerOptions, newSigningKey } from "../../support/ledger.ts";

const ADDRESS = "immudb.example:3322";

class Scene {
  readonly server: FakeServer;
  readonly store = new MemoryStateStore();
  readonly client: ImmuClient;

  constructor(ledger: Ledger, options: Partial<ClientOptions> = {}) {
    this.server = new FakeServer(ledger);
    this.client = new ImmuClient(this.server.transport, { address: ADDRESS, store: this.store, ...options });
  }

  get ledger(): Ledger {
    return this.server.ledger;
  }

  state(): Promise<State | undefined> {
    return this.store.exclusively(ADDRESS, "defaultdb", (slot) => slot.state());
  }

  /** Expects the call to be refused by the named check, and the state to stay. Returns the error. */
  async refused(check: string, call: () => Promise<unknown>): Promise<VerificationError> {
    const before = await this.state();
    const error = await call().then(
      () => assert.fail("the lie was believed"),
      (error: unknown) => error,
    );
    assert.ok(error instanceof VerificationError, String(error));
    assert.equal(error.check, check, error.message);
    assert.equal(error.database, "defaultdb");
    assert.equal(error.server, ADDRESS);
    assert.equal(error.trusted?.txId, before?.txId);
    assert.match(error.message, /'defaultdb'.*the trusted state was not changed/);
    assert.ok(error.message.includes(check));
    assert.deepEqual(await this.state(), before);
    return error;
  }
}

/** Transactions 1..7 (`k<n>` = `v<n>`), the client trusts 7; then 8..10 follow, and 11 with three entries m1..m3. */
async function scene(ledgerOptions: LedgerOptions = {}, options: Partial<ClientOptions> = {}): Promise<Scene> {
  const made = new Scene(grown(new Ledger(ledgerOptions), 1, 7), options);
  await made.client.openSession("immudb", "secret");
  await made.client.verifiedGet("k1");
  grown(made.ledger, 8, 10);
  made.ledger.append([1, 2, 3].map((n) => ({ key: plainKey(utf8(`m${n}`)), value: plainValue(utf8(`w${n}`)) })));
  return made;
}

function grown(ledger: Ledger, from: number, to: number, prefix = "v"): Ledger {
  for (let n = from; n <= to; n++) ledger.set(utf8(`k${n}`), utf8(`${prefix}${n}`));
  return ledger;
}

function flip(bytes: Uint8Array | undefined): void {
  assert.ok(bytes !== undefined && bytes.length > 0, "there is something to falsify");
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
}

const KEY = "m2";
const genuine = ({ ledger }: Scene, key: string, since = 7n): VerifiableEntry => {
  const answer = ledger.verifiableEntry(utf8(key), 0n, since);
  assert.ok(answer);
  return create(VerifiableEntrySchema, verifiableEntryToWire(answer, since));
};

function provenTx(ledger: Ledger, txId: bigint, since: bigint): VerifiableTx {
  return create(VerifiableTxSchema, verifiableTxToWire(ledger.verifiableTx(txId, since), since));
}

function wireState(ledger: Ledger): ImmutableState {
  return create(ImmutableStateSchema, stateToWire(ledger.state()));
}

type GetLie = (answer: VerifiableEntry, scene: Scene) => void;

const GET_LIES: Record<string, readonly [check: string, lie: GetLie]> = {
  "another value": ["entries_inclusion", ({ entry }) => flip(entry?.value)],
  "metadata that was not written": [
    "entries_inclusion",
    ({ entry }) =>
      Object.assign(entry as object, {
        metadata: { $typeName: "immudb.schema.KVMetadata", deleted: false, nonIndexable: true },
      }),
  ],
  "the genuine answer to another key": ["entries_inclusion", (answer, on) => Object.assign(answer, genuine(on, "m3"))],
  "the genuine answer to another key, renamed": [
    "entries_inclusion",
    (answer, on) => Object.assign(answer, genuine(on, "k9"), { entry: { ...genuine(on, "k9").entry, key: utf8(KEY) } }),
  ],
  "the inclusion proof of another entry": [
    "entries_inclusion",
    (answer, on) => Object.assign(answer, { inclusionProof: genuine(on, "m1").inclusionProof }),
  ],
  "an inclusion proof for another position": [
    "entries_inclusion",
    ({ inclusionProof }) => Object.assign(inclusionProof as object, { leaf: 0 }),
  ],
  "an inclusion proof for another width": [
    "entries_inclusion",
    ({ inclusionProof }) => Object.assign(inclusionProof as object, { width: 4 }),
  ],
  "a falsified inclusion proof": ["entries_inclusion", ({ inclusionProof }) => flip(inclusionProof?.terms[0])],
  "another transaction id for the entry": [
    "dual_proof_tx_ids",
    ({ entry }) => Object.assign(entry as object, { tx: 10n }),
  ],
  "a transaction header that is not the proven one": [
    "tx_header",
    ({ verifiableTx }) => flip(verifiableTx?.tx?.header?.prevAlh),
  ],
  "a target header with another root of entries": [
    "tx_header",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.targetTxHeader?.eH),
  ],
  "another time of the transaction": [
    "linear_proof",
    ({ verifiableTx }) => {
      for (const header of [verifiableTx?.tx?.header, verifiableTx?.dualProof?.targetTxHeader])
        Object.assign(header as object, { ts: 1n });
    },
  ],
  "a source header that is not the trusted one": [
    "source_alh",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.sourceTxHeader?.eH),
  ],
  "the dual proof of another target": [
    "tx_header",
    (answer, on) =>
      Object.assign(answer.verifiableTx as object, { dualProof: genuine(on, "k9").verifiableTx?.dualProof }),
  ],
  "the dual proof from another source": [
    "dual_proof_tx_ids",
    (answer, on) =>
      Object.assign(answer.verifiableTx as object, { dualProof: genuine(on, KEY, 6n).verifiableTx?.dualProof }),
  ],
  "a falsified inclusion in the history": [
    "history_inclusion",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.inclusionProof[0]),
  ],
  "a falsified consistency of the history": [
    "history_consistency",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.consistencyProof[0]),
  ],
  "a falsified last leaf": [
    "history_last_inclusion",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.lastInclusionProof[0]),
  ],
  "another last transaction of the tree": [
    "history_last_inclusion",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.targetBlTxAlh),
  ],
  "a falsified linear proof": [
    "linear_proof",
    ({ verifiableTx }) => flip(verifiableTx?.dualProof?.linearProof?.terms.at(-1)),
  ],
  "no linear proof": ["linear_proof", ({ verifiableTx }) => delete verifiableTx?.dualProof?.linearProof],
  "an advance proof where none belongs": [
    "unused_part",
    ({ verifiableTx }) =>
      Object.assign(verifiableTx?.dualProof as object, {
        LinearAdvanceProof: {
          $typeName: "immudb.schema.LinearAdvanceProof",
          linearProofTerms: [new Uint8Array(32)],
          inclusionProofs: [],
        },
      }),
  ],
  "no dual proof": ["part_missing", ({ verifiableTx }) => delete verifiableTx?.dualProof],
  "no source header": ["part_missing", ({ verifiableTx }) => delete verifiableTx?.dualProof?.sourceTxHeader],
  "no target header": ["part_missing", ({ verifiableTx }) => delete verifiableTx?.dualProof?.targetTxHeader],
  "no transaction": ["part_missing", ({ verifiableTx }) => delete verifiableTx?.tx],
  "no transaction header": ["part_missing", ({ verifiableTx }) => delete verifiableTx?.tx?.header],
  "no inclusion proof": ["part_missing", (answer) => delete answer.inclusionProof],
  "no entry": ["part_missing", (answer) => delete answer.entry],
  "no proof at all": ["part_missing", (answer) => delete answer.verifiableTx],
  "a digest cut short": [
    "digest_length",
    ({ verifiableTx }) => {
      const proof = verifiableTx?.dualProof;
      if (proof) proof.targetBlTxAlh = proof.targetBlTxAlh.subarray(1);
    },
  ],
};

describe("verified get refuses", () => {
  for (const [lie, [check, tell]] of Object.entries(GET_LIES)) {
    test(`${lie} (${check})`, async () => {
      const on = await scene();
      on.server.tamper.verifiableGet = (answer) => void tell(answer, on);
      await on.refused(check, () => on.client.verifiedGet(KEY));
      on.server.tamper = {};
      assert.equal((await on.client.verifiedGet(KEY)).proof.state.txId, 11n, "the truth is still believed");
    });
  }

  test("an older value than the transaction asked for (entry_tx)", async () => {
    const on = await scene();
    on.ledger.set(utf8("k2"), utf8("newer"));
    on.server.tamper.verifiableGet = (answer) => void Object.assign(answer, genuine(on, "k9"));
    await on.refused("entry_tx", () => on.client.verifiedGet("k2", { atTx: 12n }));
  });

  test("a value behind a reference that is not the one written (entry_value)", async () => {
    const on = await scene();
    on.ledger.append([{ key: plainKey(utf8("ref")), value: referenceValue(utf8("k2"), 0n) }]);
    on.server.tamper.verifiableGet = ({ entry }) => {
      if (entry?.referencedBy) flip(entry.value);
    };
    // The reference itself is genuine, so its proof would move the state; the lie is about what it leads to.
    await on.client.verifiedTxById(12n);
    await on.refused("entry_value", () => on.client.verifiedGet("ref"));
  });

  test("a reference under another key (entry_missing)", async () => {
    const on = await scene();
    on.ledger.append([{ key: plainKey(utf8("ref")), value: referenceValue(utf8("k2"), 0n) }]);
    on.server.tamper.verifiableGet = (answer) => void Object.assign(answer, genuine(on, "ref"));
    await on.refused("entry_missing", () => on.client.verifiedGet("k2"));
  });
});

describe("verified set refuses", () => {
  const lies: Record<string, readonly [check: string, lie: (ledger: Ledger) => bigint]> = {
    "a write of another value": ["entry_digest", (ledger) => ledger.set(utf8("k"), utf8("else")).id],
    "a write under another key": ["entry_missing", (ledger) => ledger.set(utf8("other"), utf8("v")).id],
    "a write with metadata that was not asked for": [
      "entry_digest",
      (ledger) => ledger.set(utf8("k"), utf8("v"), { deleted: false, expiresAt: undefined, nonIndexable: true }).id,
    ],
    "a write of more than was asked for": [
      "entry_count",
      (ledger) =>
        ledger.append(["k", "l"].map((key) => ({ key: plainKey(utf8(key)), value: plainValue(utf8("v")) }))).id,
    ],
    "nothing written: the acknowledgement of the transaction already trusted": ["tx_not_new", () => 7n],
    "nothing written: the acknowledgement of an earlier transaction": ["tx_not_new", () => 3n],
  };
  for (const [lie, [check, write]] of Object.entries(lies)) {
    test(`${lie} (${check})`, async () => {
      const on = await scene();
      on.server.tamper.verifiableSet = (answer) => {
        Object.assign(answer, provenTx(on.ledger, write(on.ledger), 7n));
      };
      const error = await on.refused(check, () => on.client.verifiedSet("k", "v"));
      assert.match(error.next, /may have been committed/);
    });
  }

  test("the acknowledgement of an equal write, shown again (tx_not_new)", async () => {
    const on = await scene();
    const { header } = await on.client.verifiedSet("k", "v");
    on.server.tamper.verifiableSet = (answer) => {
      Object.assign(answer, provenTx(on.ledger, header.id, header.id));
    };
    await on.refused("tx_not_new", () => on.client.verifiedSet("k", "v"));
  });

  test("at first contact, an answer that does not agree with itself (linear_proof)", async () => {
    const on = new Scene(new Ledger());
    await on.client.openSession("immudb", "secret");
    on.server.tamper.verifiableSet = ({ dualProof }) => flip(dualProof?.linearProof?.terms[0]);
    await on.refused("linear_proof", () => on.client.verifiedSet("k", "v"));
  });
});

describe("verified tx by id refuses", () => {
  const lies: Record<string, readonly [check: string, lie: (answer: VerifiableTx, scene: Scene) => void]> = {
    "another transaction": ["tx_id", (answer, on) => Object.assign(answer, provenTx(on.ledger, 10n, 7n))],
    "an entry left out": ["entry_count", ({ tx }) => void tx?.entries.pop()],
    "another value's hash": ["entries_root", ({ tx }) => flip(tx?.entries[1]?.hValue)],
    "another key": ["entries_root", ({ tx }) => flip(tx?.entries[1]?.key)],
    "entries in another order": ["entries_root", ({ tx }) => void tx?.entries.reverse()],
    "a header that is not the proven one": ["tx_header", ({ tx }) => flip(tx?.header?.prevAlh)],
    "a transaction of its own making under a genuine proof": [
      "tx_header",
      ({ tx }) => {
        const forged = grown(new Ledger(), 1, 11, "forged").tx(11n);
        Object.assign(tx as object, create(TxSchema, txToWire({ header: forged.header, entries: forged.entries })));
      },
    ],
  };
  for (const [lie, [check, tell]] of Object.entries(lies)) {
    test(`${lie} (${check})`, async () => {
      const on = await scene();
      on.server.tamper.verifiableTxById = (answer) => tell(answer, on);
      await on.refused(check, () => on.client.verifiedTxById(11n));
    });
  }
});

describe("another history is refused", () => {
  test("when the server has gone back behind the trusted transaction (state_rolled_back)", async () => {
    const on = await scene();
    on.server.ledger = on.ledger.fork(5n);
    const error = await on.refused("state_rolled_back", () => on.client.verifiedGet("k1"));
    assert.equal(error.offered?.txId, 5n);
    assert.match(error.next, /on purpose/);
    await on.refused("state_rolled_back", () => on.client.verifiedSet("k", "v"));
    on.server.ledger = new Ledger();
    await on.refused("state_rolled_back", () => on.client.verifiedTxById(1n));
  });

  test("when the server went back and then went on differently (source_alh)", async () => {
    const on = await scene();
    on.server.ledger = grown(on.ledger.fork(5n), 6, 20, "forked");
    const error = await on.refused("source_alh", () => on.client.verifiedGet("k20"));
    assert.equal(error.offered?.txId, 20n);
    await on.refused("source_alh", () => on.client.verifiedSet("k", "v"));
    // Of a transaction before the trusted one, the trusted header is the target.
    await on.refused("target_alh", () => on.client.verifiedGet("k1"));
  });

  test("when it shows the trusted header and then another history (history_inclusion)", async () => {
    const on = await scene();
    const trusted = provenTx(on.ledger, 7n, 7n).dualProof?.sourceTxHeader;
    on.server.ledger = grown(on.ledger.fork(5n), 6, 20, "forked");
    on.server.tamper.verifiableGet = ({ verifiableTx }) =>
      Object.assign(verifiableTx?.dualProof as object, { sourceTxHeader: trusted });
    await on.refused("history_inclusion", () => on.client.verifiedGet("k20"));
  });

  test("when it says illegal state without having lost anything, the refusal itself is reported", async () => {
    const on = await scene();
    const honest = on.ledger;
    on.server.ledger = honest.fork(5n);
    on.server.tamper.currentState = (message) => void Object.assign(message, wireState(honest));
    // It cannot prove the state that it claims: its history ends at 5.
    await assert.rejects(on.client.verifiedGet("k1"), /illegal state/);
    assert.equal((await on.state())?.txId, 7n);
  });

  test("from very old servers, inside a linear stretch (linear_advance_proof)", async () => {
    const blTxIdOf = (id: bigint): bigint => ((id - 1n) / 5n) * 5n;
    const on = await scene({ blTxIdOf });
    on.server.tamper.verifiableGet = ({ verifiableTx }) =>
      flip(verifiableTx?.dualProof?.LinearAdvanceProof?.linearProofTerms.at(-1));
    await on.refused("linear_advance_proof", () => on.client.verifiedGet(KEY));
    on.server.tamper.verifiableGet = ({ verifiableTx }) =>
      flip(verifiableTx?.dualProof?.LinearAdvanceProof?.inclusionProofs[0]?.terms[0]);
    await on.refused("history_inclusion", () => on.client.verifiedGet(KEY));
    on.server.tamper = {
      verifiableGet: ({ verifiableTx }) => void delete verifiableTx?.dualProof?.LinearAdvanceProof,
      verifiableTxById: ({ dualProof }) => flip(dualProof?.linearProof?.terms.at(-1)),
    };
    await on.refused("linear_advance_proof", () => on.client.verifiedGet(KEY));
  });
});

describe("another server is refused", () => {
  test("when the address answers with another uuid (server_identity)", async () => {
    const on = await scene();
    on.server.uuid = "c0000000000000000002";
    const error = await on.refused("server_identity", () => on.client.verifiedGet("k1"));
    assert.match(
      error.message,
      /calls itself c0000000000000000002; the one known at this address is c0000000000000000001/,
    );
    assert.match(error.next, /if the server was replaced on purpose/);
    await on.refused("server_identity", () => on.client.verifiedSet("k", "v"));
  });

  test("also when it refuses the call, or starts over with an empty history (server_identity)", async () => {
    const on = await scene();
    on.server.uuid = "c0000000000000000002";
    await on.refused("server_identity", () => on.client.verifiedGet("nobody"));
    on.server.ledger = new Ledger();
    await on.refused("server_identity", () => on.client.verifiedGet("k1"));
    await on.refused("server_identity", () => on.client.verifiedSet("k", "v"));
  });

  test("also in a database never used before (server_identity)", async () => {
    const on = await scene();
    on.server.uuid = "c0000000000000000002";
    on.server.ledger = grown(new Ledger({ database: "other" }), 1, 3);
    await on.client.useDatabase("other");
    await assert.rejects(on.client.verifiedGet("k1"), { code: "server_identity" });
  });

  test("when it does not say who it is (server_identity)", async () => {
    const on = await scene();
    on.server.uuid = undefined;
    await on.refused("server_identity", () => on.client.verifiedGet("k1"));
  });

  test("when it is another one in the middle of first contact (server_identity)", async () => {
    const on = new Scene(grown(new Ledger(), 1, 3));
    await on.client.openSession("immudb", "secret");
    on.server.tamper.currentState = () => {
      on.server.uuid = "c0000000000000000002";
    };
    await on.client.openSession("immudb", "secret");
    await assert.rejects(on.client.verifiedGet("k1"), (error: VerificationError) => {
      assert.equal(error.check, "server_identity");
      assert.equal(error.trusted?.txId, 3n);
      return true;
    });
  });
});

describe("signatures", () => {
  const right = newSigningKey();
  const wrong = newSigningKey();

  const lies: Record<string, readonly [check: string, lie: (answer: VerifiableTx) => void]> = {
    "a state that is not signed": ["signature_missing", (answer) => delete answer.signature],
    "a falsified signature": ["signature_invalid", ({ signature }) => flip(signature?.signature)],
    "a state signed with another key": [
      "signature_invalid",
      (answer) => {
        const impostor = grown(new Ledger({ signingKey: wrong.privateKey }), 1, 7);
        Object.assign(answer, { signature: wireState(impostor).signature });
      },
    ],
    "a signature over another database": [
      "signature_invalid",
      (answer) => {
        const other = new Ledger({ signingKey: right.privateKey, database: "other" });
        grown(other, 1, 7);
        Object.assign(answer, { signature: wireState(other).signature });
      },
    ],
  };
  for (const [lie, [check, tell]] of Object.entries(lies)) {
    test(`${lie} is refused (${check})`, async () => {
      const on = await scene({ signingKey: right.privateKey }, { serverKey: right.publicKey });
      on.server.tamper.verifiableGet = ({ verifiableTx }) => tell(verifiableTx as VerifiableTx);
      await on.refused(check, () => on.client.verifiedGet("k1"));
      on.server.tamper = {};
      await on.client.verifiedGet("k1");
    });
  }

  test("at first contact an unsigned state is refused and nobody is pinned (signature_missing)", async () => {
    const on = new Scene(grown(new Ledger(), 1, 3), { serverKey: right.publicKey });
    await on.client.openSession("immudb", "secret");
    await on.refused("signature_missing", () => on.client.verifiedGet("k1"));
    assert.equal(await on.store.exclusively(ADDRESS, "defaultdb", (slot) => slot.uuid()), undefined);
    await assert.rejects(on.client.currentState(), { check: "signature_missing" });
  });

  test("at first contact the state of another database is refused (state_database)", async () => {
    const on = new Scene(grown(new Ledger({ database: "other" }), 1, 3));
    await on.client.openSession("immudb", "secret");
    await on.refused("state_database", () => on.client.verifiedGet("k1"));
  });
});

test("each check that a verified call lists is one by which some lie above is refused", async () => {
  const on = await scene({ blTxIdOf: (id) => ((id - 1n) / 5n) * 5n });
  const { proof } = await on.client.verifiedGet(KEY);
  const caught = new Set(Object.values(GET_LIES).map(([check]) => check));
  for (const elsewhere of ["server_identity", "entry_tx", "target_alh", "linear_advance_proof"]) caught.add(elsewhere);
  assert.deepEqual(
    proof.checks.filter((check) => !caught.has(check)),
    [],
  );
  assert.ok(equalBytes(proof.state.txHash, on.ledger.state().txHash));
});
