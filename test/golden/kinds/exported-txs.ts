// Cases about exported transactions: read and written again, and taken in by a ledger.

import { readFileSync } from "node:fs";
import { concat, fromBase64, toHex } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/observe.ts";
import { EntriesTree } from "../../../src/proof/entries-tree.ts";
import { entryDigest } from "../../../src/proof/entry-digest.ts";
import { decodeExportedTx, encodeExportedTx, exportedTxLength } from "../../../src/proof/exported-tx.ts";
import { alh } from "../../../src/proof/tx-header.ts";
import { Store } from "../../../src/store/store.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { SimulatedDisk } from "../../support/simulated-engine.ts";
import { type Answers, expectEqual, type VectorCase } from "../vector-file.ts";
import { type KvMetadataJson, kvMetadata, type TxHeaderJson, txHeader } from "./json.ts";

interface ExportCase extends VectorCase {
  readonly blobB64: string;
  readonly skipIntegrityCheck: boolean;
}

interface DecodeCase extends ExportCase {
  readonly alh: string;
  readonly truncated: boolean;
  readonly header: TxHeaderJson;
  readonly entries: readonly {
    readonly key: string;
    readonly metadata: KvMetadataJson | null;
    readonly hValue: string;
    readonly value: string | null;
  }[];
}

interface ReplicateCase extends ExportCase {
  readonly expectedTxId: string;
}

export const exportedTxAnswers: Answers = {
  decode: (vector) => {
    const { blobB64, alh: ownAlh, header: headerJson, entries, truncated, skipIntegrityCheck } = vector as DecodeCase;
    const blob = fromBase64(blobB64);
    const decoded = decodeExportedTx(blob);
    const { header } = decoded;
    expectEqual(describe(header), describe(txHeader(headerJson)), "header");
    expectEqual(decoded.truncated, truncated, "truncated");
    expectEqual(decoded.entries.length, entries.length, "number of entries");
    decoded.entries.forEach(({ key, metadata, hValue, value }, i) => {
      const want = entries[i] as DecodeCase["entries"][number];
      expectEqual(toHex(key), want.key, "key");
      expectEqual(describe(metadata), describe(kvMetadata(want.metadata)), "metadata");
      expectEqual(toHex(hValue), want.hValue, "hValue");
      expectEqual(value === undefined ? null : toHex(value), want.value, "value");
    });
    const eh = new EntriesTree(decoded.entries.map((entry) => entryDigest(entry, header.version))).root;
    if (!skipIntegrityCheck) expectEqual(toHex(header.eh), toHex(eh), "eh");
    expectEqual(toHex(alh({ ...header, eh })), ownAlh, "alh");
    const again = {
      header,
      truncated,
      entries: decoded.entries.map((entry) => ({ ...entry, vLen: entry.value?.length ?? 0 })),
      storeValue: (index: number) => [decoded.entries[index]?.value as Uint8Array],
    };
    expectEqual(toHex(concat(...encodeExportedTx(again))), toHex(blob), "the same written again");
    expectEqual(exportedTxLength(again), blob.length, "length");
  },
  replicate: async (vector) => {
    const { blobB64, expectedTxId, skipIntegrityCheck } = vector as ReplicateCase;
    await using store = await openStore();
    const before = genuine().slice(0, Number(expectedTxId) - 1);
    for (const { blob, alh: ownAlh } of before) {
      await store.adopt(blob, false, undefined);
      if (toHex(store.committed.alh) !== ownAlh) throw new Error("the transactions before have another Alh");
    }
    await store.adopt(fromBase64(blobB64), skipIntegrityCheck, undefined);
    expectEqual(store.committed.txId.toString(), expectedTxId, "last transaction");
    expectEqual(toHex(store.committed.alh), genuine()[before.length]?.alh, "alh");
  },
};

function describe(value: unknown): string {
  return JSON.stringify(value, (_name, part) =>
    typeof part === "bigint" ? part.toString() : part instanceof Uint8Array ? toHex(part) : part,
  );
}

/** The genuine transactions, in order. */
function genuine(): readonly { readonly blob: Uint8Array; readonly alh: string }[] {
  transactions ??= (
    JSON.parse(readFileSync(new URL("../vectors/export_tx.json", import.meta.url), "utf8")) as { cases: DecodeCase[] }
  ).cases
    .filter(({ op, truncated, skipIntegrityCheck }) => op === "decode" && !truncated && !skipIntegrityCheck)
    .map(({ blobB64, alh: ownAlh }) => ({ blob: fromBase64(blobB64), alh: ownAlh }));
  return transactions;
}

let transactions: readonly { readonly blob: Uint8Array; readonly alh: string }[] | undefined;

function openStore(): Promise<Store> {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  return Store.open({
    database: "replica",
    directory: "simulated",
    place: disk.place(),
    driver: disk.driver(),
    settings: {
      maxKeyLen: 1024,
      maxValueLen: 1 << 20,
      maxTxEntries: 1024,
      excludeCommitTime: false,
      writeTxHeaderVersion: 1,
    },
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
  });
}
