import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { EntrySchema, KVMetadataSchema, ReferenceSchema } from "../../../gen/immudb/schema/kv_pb.ts";
import {
  DualProofSchema,
  DualProofV2Schema,
  ImmutableStateSchema,
  VerifiableEntrySchema,
  VerifiableTxSchema,
} from "../../../gen/immudb/schema/proof_pb.ts";
import { ZEntrySchema } from "../../../gen/immudb/schema/sorted_set_pb.ts";
import { TxEntrySchema, TxHeaderSchema, TxMetadataSchema, TxSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import type { Entry, Reference, State, Tx, ZEntry } from "../../../src/proof/model.ts";
import { encoderOf } from "../../../src/wire/codec/encoder.ts";
import {
  entryFromWire,
  entryToWire,
  referenceFromWire,
  referenceToWire,
  txEntryFromWire,
  txEntryToWire,
  zEntryFromWire,
  zEntryToWire,
} from "../../../src/wire/entries.ts";
import {
  kvMetadataFromWire,
  kvMetadataToWire,
  txMetadataFromWire,
  txMetadataToWire,
} from "../../../src/wire/metadata.ts";
import {
  dualProofFromWire,
  dualProofToWire,
  dualProofV2FromWire,
  dualProofV2ToWire,
} from "../../../src/wire/proofs.ts";
import { stateFromWire, stateToWire } from "../../../src/wire/state.ts";
import { txFromWire, txToWire } from "../../../src/wire/tx.ts";
import { txHeaderFromWire, txHeaderToWire } from "../../../src/wire/tx-header.ts";
import {
  verifiableEntryFromWire,
  verifiableEntryToWire,
  verifiableTxFromWire,
  verifiableTxToWire,
} from "../../../src/wire/verifiable.ts";
import {
  digests,
  kvMetadatas,
  ledgers,
  shortBytes,
  txEntries,
  txHeaders,
  txMetadatas,
  uint64s,
} from "../proof/arbitraries.ts";

const PLAIN = { noNullPrototype: true };

const references: fc.Arbitrary<Reference> = fc.record(
  { tx: uint64s, key: shortBytes, atTx: uint64s, metadata: kvMetadatas, revision: uint64s },
  PLAIN,
);
const entries: fc.Arbitrary<Entry> = fc.record(
  {
    tx: uint64s,
    key: shortBytes,
    value: shortBytes,
    metadata: kvMetadatas,
    expired: fc.boolean(),
    revision: uint64s,
    referencedBy: fc.option(references, { nil: undefined }),
  },
  PLAIN,
);
const zEntries: fc.Arbitrary<ZEntry> = fc.record(
  {
    set: shortBytes,
    key: shortBytes,
    entry: fc.option(entries, { nil: undefined }),
    score: fc.double(),
    atTx: uint64s,
  },
  PLAIN,
);
const txs: fc.Arbitrary<Tx> = fc.record(
  {
    header: txHeaders,
    entries: fc.array(txEntries, { maxLength: 3 }),
    kvEntries: fc.array(entries, { maxLength: 3 }),
    zEntries: fc.array(zEntries, { maxLength: 3 }),
  },
  PLAIN,
);
const signatures = fc.option(fc.record({ publicKey: shortBytes, signature: shortBytes }, PLAIN), { nil: undefined });
const states: fc.Arbitrary<State> = fc.record(
  { db: fc.string(), txId: uint64s, txHash: digests, signature: signatures },
  PLAIN,
);

/** The message, sent and received; on both ways that it may be sent. */
function sent<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): MessageShape<Desc> {
  const bytes = toBinary(schema, create(schema, init));
  assert.deepEqual(Uint8Array.from(encoderOf(schema)(init)), bytes);
  return fromBinary(schema, bytes);
}

describe("what is sent is what is received", () => {
  test("metadata", () => {
    fc.assert(
      fc.property(kvMetadatas, txMetadatas, (kv, tx) => {
        const kvWire = kvMetadataToWire(kv);
        const txWire = txMetadataToWire(tx);
        assert.deepEqual(kvMetadataFromWire(kvWire && sent(KVMetadataSchema, kvWire)), kv);
        assert.deepEqual(txMetadataFromWire(txWire && sent(TxMetadataSchema, txWire)), tx);
      }),
    );
  });

  test("headers, whether or not they mark that there is no metadata", () => {
    fc.assert(
      fc.property(txHeaders, fc.boolean(), (header, emptyMetadata) => {
        const wire = sent(TxHeaderSchema, txHeaderToWire(header, { emptyMetadata }));
        assert.equal(wire.metadata !== undefined, emptyMetadata || header.metadata !== undefined);
        assert.deepEqual(txHeaderFromWire(wire), header);
      }),
    );
  });

  test("entries in all their forms", () => {
    fc.assert(
      fc.property(txEntries, entries, references, zEntries, (txEntry, entry, reference, zEntry) => {
        assert.deepEqual(txEntryFromWire(sent(TxEntrySchema, txEntryToWire(txEntry))), txEntry);
        assert.deepEqual(entryFromWire(sent(EntrySchema, entryToWire(entry))), entry);
        assert.deepEqual(referenceFromWire(sent(ReferenceSchema, referenceToWire(reference))), reference);
        assert.deepEqual(zEntryFromWire(sent(ZEntrySchema, zEntryToWire(zEntry))), zEntry);
      }),
    );
  });

  test("transactions", () => {
    fc.assert(
      fc.property(txs, (tx) => {
        assert.deepEqual(txFromWire(sent(TxSchema, txToWire(tx))), tx);
        const { header, entries: listed } = tx;
        const alone = { header, entries: listed };
        assert.deepEqual(txFromWire(sent(TxSchema, txToWire(alone))), { ...alone, kvEntries: [], zEntries: [] });
      }),
    );
  });

  test("transactions whose entries are kept as messages, which are copied, and decoded only for others than encoders", () => {
    fc.assert(
      fc.property(txHeaders, fc.array(fc.array(txEntries, { maxLength: 3 }), { maxLength: 3 }), (header, pieces) => {
        const entriesOnWire = pieces.map((entries) => encoderOf(TxSchema)({ entries: entries.map(txEntryToWire) }));
        const entries = pieces.flat();
        const wire = sent(TxSchema, txToWire({ header, entries, entriesOnWire }));
        assert.deepEqual(txFromWire(wire), { header, entries, kvEntries: [], zEntries: [] });
        const undecoded = {
          header,
          get entries() {
            return assert.fail("decoded");
          },
          entriesOnWire,
        };
        assert.deepEqual(fromBinary(TxSchema, encoderOf(TxSchema)(txToWire(undecoded))), wire);
      }),
    );
  });

  test("states, with or without what is only precommitted, which no reader gets to see", () => {
    fc.assert(
      fc.property(states, uint64s, digests, (state, txId, txHash) => {
        assert.deepEqual(stateFromWire(sent(ImmutableStateSchema, stateToWire(state))), state);
        const wire = sent(ImmutableStateSchema, stateToWire(state, { txId, txHash }));
        assert.deepEqual([wire.precommittedTxId, wire.precommittedTxHash], [txId, txHash]);
        assert.deepEqual(stateFromWire(wire), state);
      }),
    );
  });

  test("proofs, and answers that carry them", () => {
    const asked = ledgers.chain((ledger) => {
      const ids = fc.bigInt(1n, ledger.last);
      return fc.record({ ledger: fc.constant(ledger), txId: ids, n: fc.oneof(fc.constant(0n), ids) });
    });
    fc.assert(
      fc.property(asked, fc.boolean(), ({ ledger, txId, n }, flag) => {
        const proof = ledger.dualProof(txId, n);
        const options = { emptySourceMetadata: flag, emptyTargetMetadata: !flag };
        assert.deepEqual(dualProofFromWire(sent(DualProofSchema, dualProofToWire(proof, options))), proof);
        const short = { ...proof, linearProof: undefined };
        assert.deepEqual(dualProofFromWire(sent(DualProofSchema, dualProofToWire(short, options))), short);
        const { sourceTxHeader, targetTxHeader, inclusionProof, consistencyProof } = proof;
        const v2 = { sourceTxHeader, targetTxHeader, inclusionProof, consistencyProof };
        assert.deepEqual(dualProofV2FromWire(sent(DualProofV2Schema, dualProofV2ToWire(v2, options))), v2);
        const tx = ledger.verifiableTx(txId, n);
        assert.deepEqual(verifiableTxFromWire(sent(VerifiableTxSchema, verifiableTxToWire(tx, n))), tx);
        const entry = ledger.verifiableEntry(Uint8Array.of(0), txId, n);
        assert.deepEqual(verifiableEntryFromWire(sent(VerifiableEntrySchema, verifiableEntryToWire(entry, n))), entry);
      }),
    );
  });
});
