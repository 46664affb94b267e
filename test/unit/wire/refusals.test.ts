import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { KVMetadataSchema } from "../../../gen/immudb/schema/kv_pb.ts";
import {
  DualProofSchema,
  DualProofV2Schema,
  ImmutableStateSchema,
  VerifiableEntrySchema,
  VerifiableTxSchema,
  type DualProof as WireDualProof,
} from "../../../gen/immudb/schema/proof_pb.ts";
import { TxEntrySchema, TxHeaderSchema, TxMetadataSchema, TxSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import { ZERO_DIGEST } from "../../../src/proof/tx-header.ts";
import { txEntryFromWire } from "../../../src/wire/entries.ts";
import {
  kvMetadataFromWire,
  kvMetadataToWire,
  txMetadataFromWire,
  txMetadataToWire,
} from "../../../src/wire/metadata.ts";
import { dualProofFromWire, dualProofToWire, dualProofV2FromWire } from "../../../src/wire/proofs.ts";
import { stateFromWire } from "../../../src/wire/state.ts";
import { txFromWire } from "../../../src/wire/tx.ts";
import { txHeaderFromWire, txHeaderToWire } from "../../../src/wire/tx-header.ts";
import { verifiableEntryFromWire, verifiableTxFromWire } from "../../../src/wire/verifiable.ts";
import { MemoryLedger } from "../proof/memory-ledger.ts";
import { assertRefused } from "./refusals.ts";

const digest = new Uint8Array(32).fill(1);
const short = digest.subarray(1);
const unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(1) }];
const ledger = new MemoryLedger();
for (let i = 0; i < 12; i++)
  ledger.commit([{ key: plainKey(utf8("key")), value: plainValue(utf8("value")) }], { lag: i < 9 ? 20 : 0 });

function header(
  change: MessageInitShape<typeof TxHeaderSchema> = {},
): ReturnType<typeof create<typeof TxHeaderSchema>> {
  const whole = { id: 7n, prevAlh: digest, ts: 5n, nentries: 3, eH: digest, blTxId: 6n, blRoot: digest, version: 1 };
  return create(TxHeaderSchema, { ...whole, ...change });
}

/** A proof of which every part is in use. */
function dualProof(): WireDualProof {
  const options = { emptySourceMetadata: true, emptyTargetMetadata: true };
  return create(DualProofSchema, dualProofToWire(ledger.dualProof(12n, 8n), options));
}

describe("a message from outside", () => {
  test("without a part that it must have is refused, the part named", () => {
    const proof = dualProof();
    assertRefused("part_missing", "header", () => txHeaderFromWire(undefined));
    assertRefused("part_missing", "tx", () => txFromWire(undefined));
    assertRefused("part_missing", "tx.header", () => txFromWire(create(TxSchema)));
    assertRefused("part_missing", "dualProof", () => dualProofFromWire(undefined));
    assertRefused("part_missing", "dualProof", () => dualProofV2FromWire(undefined));
    assertRefused("part_missing", "dualProof.targetTxHeader", () => dualProofFromWire(create(DualProofSchema)));
    assertRefused("part_missing", "dualProof.sourceTxHeader", () => dualProofV2FromWire(create(DualProofV2Schema)));
    assertRefused("part_missing", "dualProof.targetTxHeader", () =>
      dualProofV2FromWire(create(DualProofV2Schema, { sourceTxHeader: header() })),
    );
    assertRefused("part_missing", "dualProof.sourceTxHeader", () =>
      dualProofFromWire(create(DualProofSchema, { targetTxHeader: header(), targetBlTxAlh: digest })),
    );
    const tx = create(TxSchema, { header: header() });
    assertRefused("part_missing", "tx", () => verifiableTxFromWire(create(VerifiableTxSchema, { dualProof: proof })));
    assertRefused("part_missing", "dualProof", () => verifiableTxFromWire(create(VerifiableTxSchema, { tx })));
    assertRefused("part_missing", "verifiableTx", () =>
      verifiableEntryFromWire(create(VerifiableEntrySchema, { entry: {} })),
    );
    assertRefused("part_missing", "entry", () => verifiableEntryFromWire(create(VerifiableEntrySchema)));
    assertRefused("part_missing", "inclusionProof", () =>
      verifiableEntryFromWire(create(VerifiableEntrySchema, { entry: {}, verifiableTx: { tx, dualProof: proof } })),
    );
  });

  test("with a digest of another length is refused, never padded or cut", () => {
    assertRefused("digest_length", "header.prevAlh", () => txHeaderFromWire(header({ prevAlh: short })));
    assertRefused("digest_length", "header.eH", () => txHeaderFromWire(header({ eH: new Uint8Array(33) })));
    assertRefused("digest_length", "header.blRoot", () => txHeaderFromWire(header({ blRoot: new Uint8Array(0) })));
    assertRefused("digest_length", "entry.hValue", () => txEntryFromWire(create(TxEntrySchema, { hValue: short })));
    assertRefused("digest_length", "state.txHash", () =>
      stateFromWire(create(ImmutableStateSchema, { txHash: short })),
    );
    const refuse = (part: string, change: (proof: WireDualProof) => unknown): void => {
      const proof = dualProof();
      change(proof);
      assertRefused("digest_length", part, () => dualProofFromWire(proof));
    };
    refuse("dualProof.inclusionProof", (proof) => proof.inclusionProof.push(short));
    refuse("dualProof.consistencyProof", (proof) => proof.consistencyProof.push(short));
    refuse("dualProof.lastInclusionProof", (proof) => proof.lastInclusionProof.push(short));
    refuse("linearProof.terms", (proof) => proof.linearProof?.terms.push(short));
    refuse("linearAdvanceProof.linearProofTerms", (proof) => proof.LinearAdvanceProof?.linearProofTerms.push(short));
    refuse("inclusionProof.terms", (proof) => proof.LinearAdvanceProof?.inclusionProofs[0]?.terms.push(short));
    refuse("dualProof.targetBlTxAlh", (proof) => {
      proof.targetBlTxAlh = new Uint8Array(0);
    });
  });

  test("may leave out the last leaf of a history that is empty", () => {
    const empty = header({ id: 1n, blTxId: 0n, blRoot: ZERO_DIGEST });
    const proof = create(DualProofSchema, { sourceTxHeader: empty, targetTxHeader: empty });
    assert.deepEqual(dualProofFromWire(proof).targetBlTxAlh, ZERO_DIGEST);
    proof.targetBlTxAlh = digest;
    assert.deepEqual(dualProofFromWire(proof).targetBlTxAlh, digest);
  });

  test("with a number outside its meaning is refused", () => {
    assertRefused("number_out_of_range", "header.blTxId", () => txHeaderFromWire(header({ blTxId: 7n })));
    assertRefused("number_out_of_range", "header.blTxId", () => txHeaderFromWire(header({ id: 0n, blTxId: 0n })));
    const negative = create(TxEntrySchema, { hValue: digest, vLen: -1 });
    assertRefused("number_out_of_range", "entry.vLen", () => txEntryFromWire(negative));
    const refuse = (code: string, change: MessageInitShape<typeof TxHeaderSchema>): void =>
      assert.throws(() => txHeaderFromWire(header(change)), { name: "ProofError", code });
    refuse("version_unsupported", { version: 2 });
    refuse("version_unsupported", { version: -1 });
    refuse("version_unsupported", { version: 0x10001 });
    refuse("tx_header_malformed", { nentries: -1 });
    refuse("tx_header_malformed", { nentries: 0x10000, version: 0 });
    refuse("metadata_unsupported", { version: 0, metadata: { truncatedTxID: 1n } });
  });

  test("with a field that is not known here is refused, since nothing would check it", () => {
    const refuse = (part: string, message: { $unknown?: unknown }, read: () => unknown): void => {
      message.$unknown = unknown;
      assertRefused("field_unknown", part, read);
      message.$unknown = [];
      read();
      delete message.$unknown;
    };
    const kv = create(KVMetadataSchema, { expiration: {} });
    refuse("metadata", kv, () => kvMetadataFromWire(kv));
    refuse("metadata.expiration", kv.expiration as object, () => kvMetadataFromWire(kv));
    const txMetadata = create(TxMetadataSchema);
    refuse("metadata", txMetadata, () => txMetadataFromWire(txMetadata));
    const proof = dualProof();
    const read = (): unknown => dualProofFromWire(proof);
    refuse("dualProof", proof, read);
    refuse("dualProof.sourceTxHeader", proof.sourceTxHeader as object, read);
    refuse("linearProof", proof.linearProof as object, read);
    refuse("linearAdvanceProof", proof.LinearAdvanceProof as object, read);
    const state = create(ImmutableStateSchema, { txHash: digest, signature: {} });
    refuse("state", state, () => stateFromWire(state));
    refuse("signature", state.signature as object, () => stateFromWire(state));
  });
});

describe("metadata without attributes", () => {
  test("is read and written as none", () => {
    const none = { deleted: false, expiresAt: undefined, nonIndexable: false };
    assert.equal(kvMetadataToWire(none), undefined);
    assert.equal(kvMetadataFromWire(create(KVMetadataSchema)), undefined);
    assert.equal(txMetadataToWire({ truncatedUptoTx: undefined, extra: undefined }), undefined);
    assert.equal(txMetadataFromWire(create(TxMetadataSchema)), undefined);
  });
});

describe("a value that the wire cannot carry", () => {
  test("is refused instead of arriving as another", () => {
    const zero = { truncatedUptoTx: 0n, extra: undefined };
    const empty = { truncatedUptoTx: undefined, extra: new Uint8Array(0) };
    assertRefused("not_representable", "metadata", () => txMetadataToWire(zero));
    assertRefused("not_representable", "metadata", () => txMetadataToWire(empty));
    const many = { ...ledger.header(1n), nentries: 2 ** 31 };
    assertRefused("not_representable", "nentries", () => txHeaderToWire(many, { emptyMetadata: false }));
  });
});
