import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { VerifiableEntrySchema, VerifiableTxSchema } from "../../../gen/immudb/schema/proof_pb.ts";
import { fromBase64, utf8 } from "../../../src/base/bytes.ts";
import { plainKey, plainValue, referenceValue } from "../../../src/proof/keys.ts";
import type { State, VerifiableEntry, VerifiableTx } from "../../../src/proof/model.ts";
import { setSha256 } from "../../../src/proof/sha256.ts";
import { type Trusted, verifiedGet, verifiedSet, verifiedTxById } from "../../../src/proof/verify.ts";
import { encoderOf } from "../../../src/wire/codec/encoder.ts";
import {
  verifiableEntryFromWire,
  verifiableEntryToWire,
  verifiableTxFromWire,
  verifiableTxToWire,
} from "../../../src/wire/verifiable.ts";
import { type ClientFlowCase, verifyFlow } from "../../golden/kinds/client-flows.ts";
import { VECTORS_DIRECTORY } from "../../golden/vectors.ts";
import { byteFields } from "./byte-fields.ts";
import { type AnswerKind, isExempt } from "./exemptions.ts";
import { MemoryLedger, PUBLIC_KEY } from "./memory-ledger.ts";

/** A serialised honest answer and how its receiver checks it. */
interface Sample {
  readonly name: string;
  readonly kind: AnswerKind;
  readonly bytes: Uint8Array;
  readonly verify: (bytes: Uint8Array) => Promise<State>;
}

/** One bit of an answer, counted from its first byte. */
type Bit = number;

// The same digests some times faster, and errors without the search for where they came from: this runs for every bit.
const { stackTraceLimit } = Error;
before(() => {
  setSha256((data) => hash("sha256", data, "buffer"));
  Error.stackTraceLimit = 0;
});
after(() => {
  setSha256();
  Error.stackTraceLimit = stackTraceLimit;
});

describe("a changed bit of an honest answer", () => {
  for (const sample of [...recorded(["set-3", "ref-0", "zadd-0", "lag-tx-14-s3-stripfalse"]), ...built()]) {
    test(`is refused wherever it is, outside the exempt fields: ${sample.name}`, async () => {
      await sample.verify(sample.bytes);
      const fields = fieldsOf(sample);
      for (let bit: Bit = 0; bit < sample.bytes.length * 8; bit++) await assertRefused(sample, fields, bit);
    });
  }

  test("is refused in every recorded answer, at places chosen at random", async () => {
    const samples = recorded().map((sample) => ({ sample, fields: fieldsOf(sample) }));
    const flips = fc.constantFrom(...samples).chain(({ sample, fields }) => {
      return fc.record({
        sample: fc.constant(sample),
        fields: fc.constant(fields),
        bit: fc.nat({ max: sample.bytes.length * 8 - 1 }),
      });
    });
    await fc.assert(
      fc.asyncProperty(flips, ({ sample, fields, bit }) => assertRefused(sample, fields, bit)),
      { numRuns: 3000 },
    );
  });
});

function fieldsOf({ kind, bytes }: Sample): readonly string[] {
  return byteFields(schemaOf(kind), bytes);
}

function schemaOf(kind: AnswerKind): DescMessage {
  return kind === "value" || kind === "reference" ? VerifiableEntrySchema : VerifiableTxSchema;
}

/** Flips the bit, and states that the answer is refused, unless the field is exempt or the message still says the same. */
async function assertRefused(
  { name, kind, bytes, verify }: Sample,
  fields: readonly string[],
  bit: Bit,
): Promise<void> {
  const field = fields[bit >> 3] as string;
  if (isExempt(kind, field)) return;
  const changed = bytes.slice();
  changed[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  try {
    await verify(changed);
  } catch {
    return;
  }
  // Not every bit of a protobuf encoding means something: a flag of 3 is as true as one of 1.
  assert.ok(
    isDeepStrictEqual(read(kind, changed), read(kind, bytes)),
    `${name}: bit ${bit}, in ${field}, went unnoticed`,
  );
}

function read(kind: AnswerKind, bytes: Uint8Array): VerifiableTx | VerifiableEntry {
  if (schemaOf(kind) === VerifiableEntrySchema)
    return verifiableEntryFromWire(fromBinary(VerifiableEntrySchema, bytes));
  return verifiableTxFromWire(fromBinary(VerifiableTxSchema, bytes));
}

/** Honest answers of the original: those named, or all. */
function recorded(names?: readonly string[]): Sample[] {
  const { cases } = JSON.parse(readFileSync(join(VECTORS_DIRECTORY, "client_flows.json"), "utf8")) as {
    readonly cases: readonly ClientFlowCase[];
  };
  return cases
    .filter((flow) => flow.ok && flow.strictOk !== false && flow.op !== "sqlRow")
    .filter((flow) => names === undefined || names.includes(flow.name))
    .map((flow) => {
      const bytes = fromBase64(flow.responseB64);
      return { name: flow.name, kind: kindOf(flow, bytes), bytes, verify: (changed) => verifyFlow(flow, changed) };
    });
}

function kindOf(flow: ClientFlowCase, bytes: Uint8Array): AnswerKind {
  if (flow.op === "txById") return "tx";
  if (flow.op !== "get") return "write";
  return fromBinary(VerifiableEntrySchema, bytes).entry?.referencedBy === undefined ? "value" : "reference";
}

/** Honest answers made by our own code. */
function built(): Sample[] {
  const ledger = new MemoryLedger();
  const key = utf8("a key");
  const value = utf8("its value");
  const expiring = { deleted: false, expiresAt: 1_900_000_000n, nonIndexable: false };
  const other = { key: plainKey(utf8("another")), value: plainValue(value) };
  ledger.commit([other]);
  ledger.commit([other], { metadata: { truncatedUptoTx: 1n, extra: utf8("admin") } });
  ledger.commit([{ key: plainKey(key), value: plainValue(value), metadata: expiring }, other]);
  ledger.commit([
    { key: plainKey(utf8("ref")), value: referenceValue(key, 3n) },
    other,
    { ...other, key: plainKey(key) },
  ]);
  ledger.commit([other], { version: 0 });
  ledger.commit([{ key: plainKey(key), value: plainValue(value) }]);

  const trusted = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map((txId) => ({ state: ledger.state(txId), publicKey: PUBLIC_KEY }));
  const from = (txId: number): Trusted => trusted[txId] as Trusted;
  const entry = (answer: VerifiableEntry, n: bigint) =>
    encoderOf(VerifiableEntrySchema)(verifiableEntryToWire(answer, n));
  const tx = (answer: VerifiableTx, n: bigint) => encoderOf(VerifiableTxSchema)(verifiableTxToWire(answer, n));
  return [
    {
      name: "a first set",
      kind: "write",
      bytes: tx(ledger.verifiableTx(6n, 0n), 0n),
      verify: (bytes) => verifiedSet(from(0), [{ key, value }], read("write", bytes) as VerifiableTx),
    },
    {
      name: "an expiring value, older than the trusted state",
      kind: "value",
      bytes: entry(ledger.verifiableEntry(key, 3n, 6n), 6n),
      verify: (bytes) => verifiedGet(from(6), { key, atTx: 0n }, read("value", bytes) as VerifiableEntry),
    },
    {
      name: "a bound reference",
      kind: "reference",
      bytes: entry(ledger.verifiableEntry(utf8("ref"), 4n, 2n, 3n), 2n),
      verify: (bytes) =>
        verifiedGet(from(2), { key: utf8("ref"), atTx: 4n }, read("reference", bytes) as VerifiableEntry),
    },
    {
      name: "a transaction with metadata",
      kind: "tx",
      bytes: tx(ledger.verifiableTx(2n, 1n), 1n),
      verify: (bytes) => verifiedTxById(from(1), { tx: 2n, rawValues: false }, read("tx", bytes) as VerifiableTx),
    },
    {
      name: "a transaction of header version 0",
      kind: "tx",
      bytes: tx(ledger.verifiableTx(5n, 3n), 3n),
      verify: (bytes) => verifiedTxById(from(3), { tx: 5n, rawValues: false }, read("tx", bytes) as VerifiableTx),
    },
  ];
}
