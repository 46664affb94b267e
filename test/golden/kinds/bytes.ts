// Cases about bytes and digests: metadata, keys and values, entry digests, headers.

import { fromBinary } from "@bufbuild/protobuf";
import { TxHeaderSchema } from "../../../gen/immudb/schema/tx_pb.ts";
import { fromHex, toHex, viewOf } from "../../../src/base/bytes.ts";
import { checkEntryVersion, entryDigest } from "../../../src/proof/entry-digest.ts";
import { ProofError } from "../../../src/proof/errors.ts";
import {
  decodePlainKey,
  decodePlainValue,
  decodeSortedSetKey,
  NO_VALUE,
  plainKey,
  plainValue,
  referenceValue,
  sortedSetKey,
} from "../../../src/proof/keys.ts";
import { decodeKvMetadata, encodeKvMetadata } from "../../../src/proof/kv-metadata.ts";
import { decodeTxHeaderRecord, encodeTxHeaderRecord } from "../../../src/proof/record.ts";
import { sha256 } from "../../../src/proof/sha256.ts";
import { alh, decodeTxHeader, encodeTxHeader, innerHash } from "../../../src/proof/tx-header.ts";
import { decodeTxMetadata, encodeTxMetadata } from "../../../src/proof/tx-metadata.ts";
import { encoderOf } from "../../../src/wire/codec/encoder.ts";
import { txHeaderFromWire, txHeaderToWire } from "../../../src/wire/tx-header.ts";
import { type Answers, expectEqual, type VectorCase } from "../vector-file.ts";
import {
  type KvMetadataJson,
  kvMetadata,
  type TxHeaderJson,
  type TxMetadataJson,
  txHeader,
  txMetadata,
} from "./json.ts";

interface MetadataCase<Json> extends VectorCase {
  readonly bytes: string;
  readonly metadata: Json | null;
  readonly canonical?: boolean;
  readonly reencoded?: string;
}

export const kvMetadataAnswers: Answers = {
  encode: (vector) => {
    const { metadata, bytes } = vector as MetadataCase<KvMetadataJson>;
    expectEqual(toHex(encodeKvMetadata(kvMetadata(metadata))), bytes, "bytes");
  },
  decode: (vector) => {
    const { metadata, bytes, canonical } = vector as MetadataCase<KvMetadataJson>;
    const decoded = decodeKvMetadata(fromHex(bytes));
    expectEqual(decoded?.deleted ?? false, metadata?.deleted, "deleted");
    expectEqual(decoded?.expiresAt?.toString() ?? null, metadata?.expiresAt, "expiresAt");
    expectEqual(decoded?.nonIndexable ?? false, metadata?.nonIndexable, "nonIndexable");
    expectEqual(toHex(encodeKvMetadata(decoded)) === bytes, canonical, "canonical");
  },
};

export const txMetadataAnswers: Answers = {
  encode: (vector) => {
    const { metadata, bytes } = vector as MetadataCase<TxMetadataJson>;
    expectEqual(toHex(encodeTxMetadata(txMetadata(metadata))), bytes, "bytes");
  },
  decode: (vector) => {
    const { metadata, bytes, reencoded } = vector as MetadataCase<TxMetadataJson>;
    const decoded = decodeTxMetadata(fromHex(bytes));
    expectEqual(decoded?.truncatedUptoTx?.toString() ?? null, metadata?.truncatedTxID, "truncatedTxID");
    expectEqual(decoded?.extra === undefined ? "" : toHex(decoded.extra), metadata?.extra, "extra");
    expectEqual(toHex(encodeTxMetadata(decoded)), reencoded, "reencoded");
  },
};

interface EntryDigestCase extends VectorCase {
  readonly digest: string;
  readonly hValue: string;
  readonly key: string;
  readonly metadata: KvMetadataJson | null;
  readonly value: string | null;
  readonly version: number;
  readonly serverOk?: boolean;
}

export const entryDigestAnswers: Answers = {
  "": (vector) => {
    const { digest, hValue, key, metadata, value, version, serverOk } = vector as EntryDigestCase;
    const entry = { key: fromHex(key), metadata: kvMetadata(metadata), hValue: fromHex(hValue) };
    if (value !== null) expectEqual(toHex(sha256(fromHex(value))), hValue, "hValue");
    expectEqual(toHex(entryDigest(entry, version)), digest, "digest");
    if (serverOk !== undefined) expectEqual(isWritable(entry, version), serverOk, "serverOk");
  },
};

function isWritable(entry: Parameters<typeof checkEntryVersion>[0], version: number): boolean {
  try {
    checkEntryVersion(entry, version);
    return true;
  } catch (error) {
    if (error instanceof ProofError && error.code === "metadata_unsupported") return false;
    throw error;
  }
}

interface KvEncodingCase extends VectorCase {
  readonly key: string;
  readonly encKey: string;
  readonly encValue: string;
  readonly value: string;
  readonly referencedKey: string;
  readonly atTx: string;
  readonly set: string;
  readonly scoreBits: string;
}

export const kvEncodingAnswers: Answers = {
  set: (vector) => {
    const { key, value, encKey, encValue } = vector as KvEncodingCase;
    expectEqual(toHex(plainKey(fromHex(key))), encKey, "key");
    expectEqual(toHex(plainValue(fromHex(value))), encValue, "value");
    expectEqual(toHex(decodePlainKey(fromHex(encKey))), key, "decoded key");
    const decoded = decodePlainValue(fromHex(encValue));
    expectEqual(decoded.kind, "value", "kind");
    if (decoded.kind === "value") expectEqual(toHex(decoded.value), value, "decoded value");
  },
  reference: (vector) => {
    const { key, referencedKey, atTx, encKey, encValue } = vector as KvEncodingCase;
    expectEqual(toHex(plainKey(fromHex(key))), encKey, "key");
    expectEqual(toHex(referenceValue(fromHex(referencedKey), BigInt(atTx))), encValue, "value");
    const decoded = decodePlainValue(fromHex(encValue));
    expectEqual(decoded.kind, "reference", "kind");
    if (decoded.kind !== "reference") return;
    expectEqual(toHex(decoded.key), referencedKey, "decoded referenced key");
    expectEqual(decoded.atTx.toString(), atTx, "decoded atTx");
  },
  zadd: (vector) => {
    const { set, scoreBits, key, atTx, encKey, encValue } = vector as KvEncodingCase;
    const score = viewOf(fromHex(scoreBits)).getFloat64(0);
    expectEqual(toHex(sortedSetKey(fromHex(set), score, fromHex(key), BigInt(atTx))), encKey, "key");
    expectEqual(toHex(NO_VALUE), encValue, "value");
    const decoded = decodeSortedSetKey(fromHex(encKey));
    expectEqual(toHex(decoded.set), set, "decoded set");
    expectEqual(Object.is(decoded.score, score), true, "decoded score");
    expectEqual(toHex(decoded.key), key, "decoded key");
    expectEqual(decoded.atTx.toString(), atTx, "decoded atTx");
  },
};

interface TxHeaderCase extends VectorCase {
  readonly header: TxHeaderJson;
  readonly alh: string;
  readonly innerHash?: string;
  readonly bytes?: string;
  readonly proto?: string;
}

export const txHeaderAnswers: Answers = {
  hash: (vector) => {
    const given = vector as TxHeaderCase;
    const header = txHeader(given.header);
    expectEqual(toHex(alh(header)), given.alh, "alh");
    if (given.innerHash !== undefined) expectEqual(toHex(innerHash(header)), given.innerHash, "innerHash");
    if (given.bytes !== undefined) {
      expectEqual(toHex(encodeTxHeader(header)), given.bytes, "bytes");
      expectEqual(toHex(encodeTxHeader(decodeTxHeader(fromHex(given.bytes)))), given.bytes, "bytes, read and written");
    }
    if (given.proto !== undefined) {
      const message = fromBinary(TxHeaderSchema, fromHex(given.proto));
      const emptyMetadata = message.metadata !== undefined;
      const written = txHeaderToWire(txHeaderFromWire(message), { emptyMetadata });
      expectEqual(toHex(encoderOf(TxHeaderSchema)(written)), given.proto, "proto");
      const record = encodeTxHeaderRecord(decodeTxHeaderRecord(fromHex(given.proto)), { emptyMetadata });
      expectEqual(toHex(record), given.proto, "record");
    }
  },
  decode: (vector) => {
    decodeTxHeader(fromHex((vector as TxHeaderCase).bytes as string));
  },
};
