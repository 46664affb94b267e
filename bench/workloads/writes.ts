// Writes of one record each, on a server of their own, and bulk loads, each on a fresh one.

import assert from "node:assert/strict";
import { create, fromBinary, fromJsonString, toBinary } from "@bufbuild/protobuf";
import { SetRequestSchema, VerifiableSetRequestSchema } from "../../gen/immudb/schema/kv_pb.ts";
import { VerifiableTxSchema } from "../../gen/immudb/schema/proof_pb.ts";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ZAddRequestSchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import { TxHeaderSchema } from "../../gen/immudb/schema/tx_pb.ts";
import { toBase64, utf8, utf8ToString } from "../../src/base/bytes.ts";
import { verifiedSet } from "../../src/proof/verify.ts";
import { verifiableTxFromWire } from "../../src/wire/verifiable.ts";
import { entry, type Ground, key, LARGE_BYTES, randomNumbers, SORTED_SET } from "../ground.ts";
import type { Lane } from "../load/run-load.ts";
import { ALONE, inFlight, MANY, Ring, type Workload } from "./workload.ts";

const { set, verifiableSet, zAdd } = ImmuService.method;
/** Single writes go to so many keys at random. */
const KEYS = 10_000;
const REQUESTS = 2048;
/** Bulk loads at random go to so many keys. */
export const BULK_SET = "bul";
const RANDOM_KEYS = 9_000_000;

type Common = Pick<Workload, "door" | "entries" | "shapes" | "checkEvery" | "isWrite">;
const COMMON: Common = { door: "grpc", entries: 1, shapes: [ALONE, MANY], checkEvery: 16, isWrite: true };

export const WRITES: readonly Workload[] = [
  { ...COMMON, name: "set", method: set, lane: (_ground, number) => single(number) },
  { ...COMMON, name: "verifiableSet", method: verifiableSet, lane: proven },
  { ...COMMON, name: "zAdd", method: zAdd, isOffered: ({ hasSortedSet }) => hasSortedSet, lane: scored },
  {
    ...COMMON,
    name: "set 1 MiB",
    method: set,
    shapes: [ALONE, { connections: 2, each: 4 }],
    lane: (_ground, number) => single(number, LARGE_BYTES),
  },
  {
    ...COMMON,
    name: "JSON set",
    door: "json",
    method: set,
    shapes: [ALONE, { connections: 16, each: 1 }],
    lane: (_ground, number) => json(number),
  },
];

/** Each runs on a fresh server for longer than the others. */
export const BULK: readonly Workload[] = [
  bulk("setAll 100 random", 100, 4, "random"),
  bulk("setAll 1000 random", 1000, 2, "random"),
  bulk("setAll 100 in order", 100, 4, "in order"),
  bulk("setAll 1000 in order", 1000, 2, "in order"),
];

function bulk(name: string, entries: number, connections: number, keys: "random" | "in order"): Workload {
  const shape = { connections, each: 4 };
  const lane = (_ground: Ground, number: number): Lane =>
    bulkLane(entries, keys === "random" ? atRandom(entries, number) : inOrder(entries, number, inFlight(shape)));
  return { ...COMMON, name, method: set, entries, shapes: [shape], lane };
}

function single(number: number, bytes?: number): Lane {
  const random = randomNumbers(number + 1);
  const requests = Array.from({ length: bytes === undefined ? REQUESTS : 2 }, () =>
    toBinary(SetRequestSchema, create(SetRequestSchema, { KVs: [entry("wri", random(KEYS), bytes)] })),
  );
  const ring = new Ring(requests, number);
  return { next: () => ring.next(), check: (answer) => requireWritten(fromBinary(TxHeaderSchema, answer), 1) };
}

function requireWritten({ id, nentries }: { id: bigint; nentries: number }, entries: number): void {
  assert.ok(id > 0n);
  assert.equal(nentries, entries);
}

/** New scores for keys that are there. */
function scored({ counts }: Ground, number: number): Lane {
  const random = randomNumbers(number + 1);
  return {
    next: () => {
      const request = { set: SORTED_SET, score: random(1_000_000), key: key("one", random(counts.one)) };
      return toBinary(ZAddRequestSchema, create(ZAddRequestSchema, request));
    },
    check: (answer) => requireWritten(fromBinary(TxHeaderSchema, answer), 1),
  };
}

function json(number: number): Lane {
  const random = randomNumbers(number + 1);
  const requests = Array.from({ length: REQUESTS }, () => {
    const { key, value } = entry("wri", random(KEYS));
    return utf8(JSON.stringify({ KVs: [{ key: toBase64(key), value: toBase64(value) }] }));
  });
  const ring = new Ring(requests, number);
  return {
    next: () => ring.next(),
    check: (answer) => requireWritten(fromJsonString(TxHeaderSchema, utf8ToString(answer)), 1),
  };
}

/** Proves from the state that this lane has proven last, as a client does that checks now and then. */
function proven(ground: Ground, number: number): Lane {
  const random = randomNumbers(number + 1);
  const ring = new Ring(
    Array.from({ length: REQUESTS }, () => entry("wri", random(KEYS))),
    number,
  );
  let trusted = ground.trusted;
  return {
    next: () => {
      const message = create(VerifiableSetRequestSchema, {
        setRequest: { KVs: [ring.next()] },
        proveSinceTx: trusted.txId,
      });
      return toBinary(VerifiableSetRequestSchema, message);
    },
    check: async (answer) => {
      const written = verifiableTxFromWire(fromBinary(VerifiableTxSchema, answer));
      const state = await verifiedSet({ state: trusted }, [ring.current], written);
      assert.ok(state.txId > trusted.txId);
      trusted = state;
    },
  };
}

/**
 * Many records in a call. There is one message, whose keys are written over before it is sent again; values stay, so that
 * the i-th entry of every call has the i-th value. `numbers`, called for each message, says which key the i-th entry has.
 */
export function bulkLane(entries: number, numbers: () => (i: number) => number): Lane {
  const KVs = Array.from({ length: entries }, (_, i) => entry(BULK_SET, i));
  const message = Buffer.from(toBinary(SetRequestSchema, create(SetRequestSchema, { KVs })));
  const digits = KVs.map(({ key }) => message.indexOf(key) + BULK_SET.length);
  return {
    next: () => {
      const number = numbers();
      for (let i = 0; i < entries; i++) writeDigits(message, digits[i] as number, number(i));
      return message;
    },
    check: (answer) => requireWritten(fromBinary(TxHeaderSchema, answer), entries),
  };
}

/** The key space in as many strips as there are entries, a key of each, in mixed order: none comes twice in a call. */
function atRandom(entries: number, number: number): () => (i: number) => number {
  const random = randomNumbers(number + 1);
  const strip = RANDOM_KEYS / entries;
  const mixed = Array.from({ length: entries }, (_, i) => i);
  for (let i = entries - 1; i > 0; i--) {
    const j = random(i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as number, mixed[i] as number];
  }
  return () => (i) => (mixed[i] as number) * strip + random(strip);
}

/** New keys, always behind those of the call before; the lanes of a load take turns. */
function inOrder(entries: number, number: number, lanes: number): () => (i: number) => number {
  let calls = 0;
  return () => {
    const first = (calls++ * lanes + number) * entries;
    return (i) => first + i;
  };
}

function writeDigits(message: Uint8Array, at: number, n: number): void {
  let rest = n;
  for (let i = at + 11; i >= at; i--) {
    message[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
