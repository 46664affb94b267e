// Reads, all on one server that was filled before.

import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  EntriesSchema,
  EntrySchema,
  HistoryRequestSchema,
  KeyListRequestSchema,
  KeyRequestSchema,
  ScanRequestSchema,
  VerifiableGetRequestSchema,
} from "../../gen/immudb/schema/kv_pb.ts";
import { VerifiableEntrySchema } from "../../gen/immudb/schema/proof_pb.ts";
import { HealthResponseSchema } from "../../gen/immudb/schema/server_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ZEntriesSchema, ZScanRequestSchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import { TxRequestSchema, TxSchema } from "../../gen/immudb/schema/tx_pb.ts";
import { EMPTY, toBase64, utf8, utf8ToString } from "../../src/base/bytes.ts";
import { verifiedGet } from "../../src/proof/verify.ts";
import { verifiableEntryFromWire } from "../../src/wire/verifiable.ts";
import { type Ground, key, LARGE_BYTES, REVISIONS, randomNumbers, type SetName, SORTED_SET, value } from "../ground.ts";
import type { Lane } from "../load/run-load.ts";
import { ALONE, MANY, Ring, requireSame, type Workload } from "./workload.ts";

const { health, get, verifiableGet, scan, getAll, history, txById, zScan } = ImmuService.method;
const TOGETHER = 100;
const REQUESTS = 4096;

type Common = Pick<Workload, "door" | "entries" | "shapes" | "checkEvery" | "isWrite">;
const COMMON: Common = { door: "grpc", entries: 1, shapes: [ALONE, MANY], checkEvery: 64, isWrite: false };

export const READS: readonly Workload[] = [
  { ...COMMON, name: "null", method: health, lane: () => nothing() },
  { ...COMMON, name: "get", method: get, lane: (ground, number) => oneKey(ground, "ten", number) },
  ...(["one", "ten", "big"] as const).map(proven),
  { ...COMMON, name: `scan ${TOGETHER}`, method: scan, entries: TOGETHER, lane: scanning },
  { ...COMMON, name: `getAll ${TOGETHER}`, method: getAll, entries: TOGETHER, lane: manyKeys },
  { ...COMMON, name: `history ${REVISIONS}`, method: history, entries: REVISIONS, lane: revisions },
  {
    ...COMMON,
    name: `zScan ${TOGETHER}`,
    method: zScan,
    entries: TOGETHER,
    isOffered: ({ hasSortedSet }) => hasSortedSet,
    lane: sorted,
  },
  { ...COMMON, name: "txById", method: txById, lane: transactions },
  {
    ...COMMON,
    name: "get 1 MiB",
    method: get,
    shapes: [ALONE, { connections: 2, each: 4 }],
    lane: (ground, number) => oneKey(ground, "mib", number, LARGE_BYTES),
  },
  {
    ...COMMON,
    name: "JSON get",
    door: "json",
    method: get,
    shapes: [ALONE, { connections: 16, each: 1 }],
    lane: jsonKey,
  },
];

function encoded<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

function randomOnes(of: number, number: number): number[] {
  const random = randomNumbers(number + 1);
  return Array.from({ length: Math.min(of, REQUESTS) }, () => random(of));
}

function nothing(): Lane {
  return {
    next: () => EMPTY,
    check: (answer) => assert.equal(fromBinary(HealthResponseSchema, answer).status, true),
  };
}

type Asked = { readonly n: number; readonly request: Uint8Array };

function askedFor({ counts }: Ground, set: SetName, number: number, request: (n: number) => Uint8Array): Ring<Asked> {
  return new Ring(
    randomOnes(counts[set], number).map((n) => ({ n, request: request(n) })),
    number,
  );
}

function oneKey(ground: Ground, set: SetName, number: number, bytes?: number): Lane {
  const asked = askedFor(ground, set, number, (n) => encoded(KeyRequestSchema, { key: key(set, n) }));
  return {
    next: () => asked.next().request,
    check: (answer) =>
      requireSame(fromBinary(EntrySchema, answer).value, value(set, asked.current.n, bytes), "the value"),
  };
}

function jsonKey(ground: Ground, number: number): Lane {
  const asked = askedFor(ground, "ten", number, (n) => utf8(JSON.stringify({ key: toBase64(key("ten", n)) })));
  return {
    next: () => asked.next().request,
    check: (answer) => {
      const found = fromJsonString(EntrySchema, utf8ToString(answer));
      requireSame(found.value, value("ten", asked.current.n), "the value");
    },
  };
}

/** Each proof goes from the state after the filling to the transaction of the entry. */
function proven(set: "one" | "ten" | "big"): Workload {
  const entries = { one: 1, ten: 10, big: 1000 }[set];
  const lane = (ground: Ground, number: number): Lane => {
    const { trusted } = ground;
    const asked = askedFor(ground, set, number, (n) =>
      encoded(VerifiableGetRequestSchema, { keyRequest: { key: key(set, n) }, proveSinceTx: trusted.txId }),
    );
    return {
      next: () => asked.next().request,
      check: async (answer) => {
        const { n } = asked.current;
        const found = verifiableEntryFromWire(fromBinary(VerifiableEntrySchema, answer));
        requireSame(found.entry.value, value(set, n), "the value");
        const state = await verifiedGet({ state: trusted }, { key: key(set, n), atTx: 0n }, found);
        assert.equal(state.txId, trusted.txId);
      },
    };
  };
  return { ...COMMON, name: `verifiableGet of ${entries}`, method: verifiableGet, checkEvery: 32, lane };
}

function scanning(ground: Ground, number: number): Lane {
  const last = ground.counts.ten - TOGETHER - 1;
  const starts = randomOnes(last, number).map((n) => ({
    n,
    request: encoded(ScanRequestSchema, {
      prefix: utf8("ten"),
      seekKey: key("ten", n),
      inclusiveSeek: true,
      limit: BigInt(TOGETHER),
    }),
  }));
  const asked = new Ring(starts, number);
  return { next: () => asked.next().request, check: (answer) => requireRun(answer, asked.current.n) };
}

function requireRun(answer: Uint8Array, from: number): void {
  const { entries } = fromBinary(EntriesSchema, answer);
  assert.equal(entries.length, TOGETHER);
  entries.forEach((found, i) => {
    requireSame(found.key, key("ten", from + i), "the key");
    requireSame(found.value, value("ten", from + i), "the value");
  });
}

function manyKeys(ground: Ground, number: number): Lane {
  const random = randomNumbers(number + 1);
  const lists = Array.from({ length: 64 }, () => {
    const numbers = Array.from({ length: TOGETHER }, () => random(ground.counts.ten));
    return { numbers, request: encoded(KeyListRequestSchema, { keys: numbers.map((n) => key("ten", n)) }) };
  });
  const asked = new Ring(lists, number);
  return {
    next: () => asked.next().request,
    check: (answer) => {
      const { entries } = fromBinary(EntriesSchema, answer);
      assert.equal(entries.length, TOGETHER);
      for (const [i, n] of asked.current.numbers.entries())
        requireSame(entries[i]?.value ?? EMPTY, value("ten", n), "the value");
    },
  };
}

function revisions(ground: Ground, number: number): Lane {
  const asked = askedFor(ground, "his", number, (n) =>
    encoded(HistoryRequestSchema, { key: key("his", n), limit: REVISIONS }),
  );
  return {
    next: () => asked.next().request,
    check: (answer) => {
      const { entries } = fromBinary(EntriesSchema, answer);
      assert.deepEqual(
        entries.map(({ revision }) => Number(revision)),
        Array.from({ length: REVISIONS }, (_, i) => i + 1),
      );
    },
  };
}

function sorted(ground: Ground, number: number): Lane {
  const starts = randomOnes(ground.counts.one - TOGETHER + 1, number).map((n) => ({
    n,
    request: encoded(ZScanRequestSchema, { set: SORTED_SET, minScore: { score: n }, limit: BigInt(TOGETHER) }),
  }));
  const asked = new Ring(starts, number);
  return {
    next: () => asked.next().request,
    check: (answer) => {
      const { entries } = fromBinary(ZEntriesSchema, answer);
      assert.equal(entries.length, TOGETHER);
      for (const [i, { score, entry }] of entries.entries()) {
        assert.equal(score, asked.current.n + i);
        requireSame(entry?.value ?? EMPTY, value("one", score), "the value");
      }
    },
  };
}

function transactions({ tens }: Ground, number: number): Lane {
  const ids = randomOnes(Number(tens.last - tens.first), number).map((n) => tens.first + BigInt(n));
  const asked = new Ring(
    ids.map((tx) => ({ tx, request: encoded(TxRequestSchema, { tx }) })),
    number,
  );
  return {
    next: () => asked.next().request,
    check: (answer) => {
      const { header, entries } = fromBinary(TxSchema, answer);
      assert.equal(header?.id, asked.current.tx);
      assert.equal(entries.length, 10);
    },
  };
}
