// Random domain values.

import fc from "fast-check";
import { plainKey, plainValue } from "../../../src/proof/keys.ts";
import type { KvMetadata, TxEntry, TxHeader, TxMetadata } from "../../../src/proof/model.ts";
import { MemoryLedger } from "./memory-ledger.ts";

const INT32_MAX = 0x7fff_ffff;
/** Objects as our own code makes them, for deep comparison. */
const PLAIN = { noNullPrototype: true };

export const digests: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 32, maxLength: 32 });
export const uint64s: fc.Arbitrary<bigint> = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n));
export const int64s: fc.Arbitrary<bigint> = fc.oneof(fc.bigInt(-300n, 300n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
export const shortBytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 40 });

export const kvMetadatas: fc.Arbitrary<KvMetadata | undefined> = fc.option(
  fc
    .record(
      { deleted: fc.boolean(), expiresAt: fc.option(int64s, { nil: undefined }), nonIndexable: fc.boolean() },
      PLAIN,
    )
    .filter(({ deleted, expiresAt, nonIndexable }) => deleted || nonIndexable || expiresAt !== undefined),
  { nil: undefined },
);

/** Such as a message can carry: no attribute with its default value. */
export const txMetadatas: fc.Arbitrary<TxMetadata | undefined> = fc.option(
  fc
    .record(
      {
        truncatedUptoTx: fc.option(fc.bigInt(1n, 2n ** 64n - 1n), { nil: undefined }),
        extra: fc.option(fc.uint8Array({ minLength: 1, maxLength: 256 }), { nil: undefined }),
      },
      PLAIN,
    )
    .filter(({ truncatedUptoTx, extra }) => truncatedUptoTx !== undefined || extra !== undefined),
  { nil: undefined },
);

export const txHeaders: fc.Arbitrary<TxHeader> = fc
  .record(
    {
      id: fc.bigInt(1n, 2n ** 64n - 1n),
      prevAlh: digests,
      ts: int64s,
      version: fc.constantFrom(0, 1),
      metadata: txMetadatas,
      nentries: fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: INT32_MAX })),
      eh: digests,
      blTxId: uint64s,
      blRoot: digests,
    },
    PLAIN,
  )
  .map((header) => ({
    ...header,
    blTxId: header.blTxId % header.id,
    ...(header.version === 0 ? { metadata: undefined, nentries: Math.min(header.nentries, 0xffff) } : {}),
  }));

export const txEntries: fc.Arbitrary<TxEntry> = fc.record(
  {
    key: fc.uint8Array({ minLength: 1, maxLength: 60 }),
    metadata: kvMetadatas,
    hValue: digests,
    vLen: fc.integer({ min: 0, max: INT32_MAX }),
    value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 60 }), { nil: undefined }),
  },
  PLAIN,
);

/** A ledger of 1 to 24 transactions with all that may vary: versions, metadata, numbers of entries, lagging headers. */
export const ledgers: fc.Arbitrary<MemoryLedger> = fc
  .array(
    fc.record(
      {
        version: fc.constantFrom(0, 1),
        metadata: txMetadatas,
        lag: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 })),
        entries: fc.array(fc.record({ value: shortBytes, metadata: kvMetadatas }), { minLength: 1, maxLength: 5 }),
      },
      PLAIN,
    ),
    { minLength: 1, maxLength: 24 },
  )
  .map((txs) => {
    const ledger = new MemoryLedger();
    for (const { version, metadata, lag, entries } of txs) {
      const written = entries.map(({ value, metadata: entryMetadata }, index) => ({
        key: plainKey(Uint8Array.of(index)),
        value: plainValue(value),
        metadata: version === 0 ? undefined : entryMetadata,
      }));
      ledger.commit(written, { version, lag, metadata: version === 0 ? undefined : metadata });
    }
    return ledger;
  });
