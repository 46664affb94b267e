// The streamed methods as a client sees them: what the other methods answer, in frames, and what of a stream is refused.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, Code } from "@connectrpc/connect";
import { EntrySchema } from "../../gen/immudb/schema/kv_pb.ts";
import {
  InclusionProofSchema,
  type VerifiableEntry,
  VerifiableEntrySchema,
  VerifiableTxSchema,
} from "../../gen/immudb/schema/proof_pb.ts";
import type { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { ZAddRequestSchema } from "../../gen/immudb/schema/sorted_set_pb.ts";
import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { concat, EMPTY, equalBytes, u64, utf8, utf8ToString, viewOf } from "../../src/base/bytes.ts";
import { STREAM_CHUNK_BYTES, STREAMED_VALUES_BYTES_MAX } from "../../src/base/limits.ts";
import { verifiedGet, verifiedSet } from "../../src/proof/verify.ts";
import { frameChunks } from "../../src/wire/frame-chunks.ts";
import { FrameReader } from "../../src/wire/frame-reader.ts";
import { verifiableEntryFromWire, verifiableTxFromWire } from "../../src/wire/verifiable.ts";
import { refusalOf, Services } from "./support.ts";

const MIB = 1024 * 1024;
const KEY_VALUE = Uint8Array.of(1);
const MEMBER = Uint8Array.of(2);

let services: Services;
let client: Client<typeof ImmuService>;

before(async () => {
  services = await Services.open();
  client = await services.session();
});
after(() => services[Symbol.asyncDispose]());

type Payload = Uint8Array | string;

/** Chunks of these frames, cut as clients do. */
async function* chunks(...payloads: readonly Payload[]): AsyncGenerator<{ content: Uint8Array }> {
  for (const payload of payloads) {
    const bytes = typeof payload === "string" ? utf8(payload) : payload;
    for (const content of frameChunks(bytes.length, [bytes], STREAM_CHUNK_BYTES)) yield { content };
  }
}

/** The same bytes in chunks of so many. */
async function* cut(bytes: Uint8Array, length: number): AsyncGenerator<{ content: Uint8Array }> {
  for (let at = 0; at < bytes.length; at += length) yield { content: bytes.subarray(at, at + length) };
}

function stream(...payloads: readonly Payload[]): Uint8Array {
  return concat(
    ...payloads.flatMap((payload) => {
      const bytes = typeof payload === "string" ? utf8(payload) : payload;
      return [u64(BigInt(bytes.length)), bytes];
    }),
  );
}

async function frames(answer: AsyncIterable<Chunk>): Promise<Uint8Array[]> {
  async function* contents(): AsyncGenerator<Uint8Array> {
    for await (const { content } of answer) yield content;
  }
  const reader = new FrameReader(contents());
  const found: Uint8Array[] = [];
  while ((await reader.next()) !== undefined) found.push(await reader.whole());
  return found;
}

async function texts(answer: AsyncIterable<Chunk>): Promise<string[]> {
  return (await frames(answer)).map(utf8ToString);
}

/** Differs in every page, so that pieces cannot be mixed up. */
function longValue(bytes: number, seed = 1): Uint8Array {
  const value = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i += 4096) value.fill((i / 4096 + seed) % 251, i, i + 4096);
  return value;
}

describe("streamSet", () => {
  test("writes all pairs as one transaction, empty values too", async () => {
    const header = await client.streamSet(chunks("a", "one", "b", "", "c", "three"));
    assert.equal(header.nentries, 3);
    const found = await client.getAll({ keys: ["a", "b", "c"].map(utf8) });
    assert.deepEqual(
      found.entries.map(({ value, tx }) => [utf8ToString(value), tx]),
      [
        ["one", header.id],
        ["", header.id],
        ["three", header.id],
      ],
    );
  });

  test("takes the stream however it is cut, octet by octet too", async () => {
    for (const length of [1, 3, 7, 8, 9, 1000]) {
      const header = await client.streamSet(cut(stream("cut", `by ${length}`, "and", ""), length));
      assert.equal(header.nentries, 2);
      assert.equal(utf8ToString((await client.get({ key: utf8("cut") })).value), `by ${length}`);
    }
  });

  test("makes of a stream the transaction that set makes of the same pairs", async () => {
    const value = longValue(3 * MIB);
    const streamed = await client.streamSet(chunks("same", value));
    const whole = await client.set({ KVs: [{ key: utf8("same"), value }] });
    assert.deepEqual(streamed.eH, whole.eH);
  });

  test("writes long and short values side by side, in the memory and on the disk", async () => {
    const values = [longValue(900_000, 2), EMPTY, longValue(5 * MIB, 3), utf8("short"), longValue(MIB + 1, 4)];
    const header = await client.streamSet(chunks(...values.flatMap((value, i) => [`mix ${i}`, value])));
    assert.equal(header.nentries, values.length);
    for (const [i, value] of values.entries()) {
      const entry = await client.get({ key: utf8(`mix ${i}`) });
      assert.ok(equalBytes(entry.value, value), `value ${i}`);
      assert.deepEqual(await frames(client.streamGet({ key: utf8(`mix ${i}`) })), [utf8(`mix ${i}`), value]);
    }
  });

  test("takes values up to the limit of all together, and no further", async () => {
    const longest = longValue(STREAMED_VALUES_BYTES_MAX - 1);
    await client.streamSet(chunks("longest", longest));
    const [, value] = await frames(client.streamGet({ key: utf8("longest") }));
    assert.ok(equalBytes(value as Uint8Array, longest));
    const tooMuch = { code: Code.FailedPrecondition, text: "max transaction values length exceeded", info: "22000" };
    assert.deepEqual(await refusalOf(client.streamSet(chunks("longest", longest, "x", "yz"))), tooMuch);
    // By what it announces: nothing of it has to come.
    const announced = concat(stream("huge"), u64(2n ** 63n));
    assert.deepEqual(await refusalOf(client.streamSet(cut(announced, 64))), tooMuch);
    const refusal = await refusalOf(client.streamSet(chunks("x", new Uint8Array(STREAMED_VALUES_BYTES_MAX))));
    assert.deepEqual(refusal, {
      code: Code.Unknown,
      text: "StreamSet receives following error: max value length exceeded",
    });
  });

  test("refuses what cannot be written, and writes nothing of it", async () => {
    const before = (await client.currentState({})).txId;
    const lead = "StreamSet receives following error: ";
    const unknown = (text: string) => ({ code: Code.Unknown, text: lead + text });
    const refused = (bytes: Uint8Array) => refusalOf(client.streamSet(cut(bytes, 100)));
    assert.deepEqual(await refused(EMPTY), unknown("no entries provided"));
    assert.deepEqual(await refused(utf8("abc")), unknown("no entries provided"));
    assert.deepEqual(await refused(stream("key")), unknown("no entries provided"));
    assert.deepEqual(await refused(stream("", "value")), unknown("illegal arguments"));
    assert.deepEqual(await refused(stream("k".repeat(1024), "v")), unknown("max key length exceeded"));
    assert.deepEqual(await refused(concat(u64(2n ** 64n - 1n), utf8("k"))), unknown("max key length exceeded"));
    assert.deepEqual(
      await refused(stream("k", "1", "k", "2")),
      unknown("rpc error: code = InvalidArgument desc = duplicated keys are not supported in single batch transaction"),
    );
    const many = Array.from({ length: 1025 }, (_, i) => [`many ${i}`, "v"]).flat();
    assert.deepEqual(await refused(stream(...many)), unknown("max number of entries per tx exceeded"));
    assert.equal((await client.currentState({})).txId, before);
  });

  test("refuses a stream that ends inside a message, though whole pairs came before", async () => {
    const before = (await client.currentState({})).txId;
    const whole = stream("t1", "v1", "t2", longValue(2 * MIB));
    const cuts = [20 + 2, 20 + 8, 20 + 9, 20 + 10, 20 + 10 + 8, whole.length - 1];
    for (const end of cuts) {
      const refusal = await refusalOf(client.streamSet(cut(whole.subarray(0, end), 50_000)));
      assert.deepEqual(
        refusal,
        { code: Code.InvalidArgument, text: "the stream ends inside a message" },
        `cut at ${end}`,
      );
    }
    assert.equal((await client.currentState({})).txId, before);
  });
});

describe("streamGet", () => {
  test("answers key and value, an empty one too, by transaction and by revision", async () => {
    const { id } = await client.streamSet(chunks("g", "", "other", "x"));
    await client.streamSet(chunks("g", "second"));
    const key = utf8("g");
    assert.deepEqual(await texts(client.streamGet({ key })), ["g", "second"]);
    assert.deepEqual(await texts(client.streamGet({ key, atTx: id })), ["g", ""]);
    assert.deepEqual(await texts(client.streamGet({ key, atRevision: 1n })), ["g", ""]);
  });

  test("answers what a reference leads to, however long that is", async () => {
    const value = longValue(2 * MIB, 7);
    await client.streamSet(chunks("target", value));
    await client.setReference({ key: utf8("ref"), referencedKey: utf8("target") });
    assert.deepEqual(await frames(client.streamGet({ key: utf8("ref") })), [utf8("target"), value]);
  });

  test("is refused as get is, before any chunk", async () => {
    assert.deepEqual(await refusalOf(frames(client.streamGet({ key: utf8("none") }))), {
      code: Code.Unknown,
      text: "tbtree: key not found",
    });
    assert.deepEqual(await refusalOf(frames(client.streamGet({}))), {
      code: Code.Unknown,
      text: "illegal arguments: empty key",
    });
  });

  test("sends a value in chunks of one length, the last one shorter", async () => {
    await client.streamSet(chunks("chunked", longValue(3 * MIB)));
    const lengths: number[] = [];
    for await (const { content } of client.streamGet({ key: utf8("chunked") })) lengths.push(content.length);
    assert.equal(lengths[0], 8 + "chunked".length);
    assert.equal(lengths.length, 1 + Math.ceil((3 * MIB + 8) / STREAM_CHUNK_BYTES));
    for (const length of lengths.slice(1, -1)) assert.equal(length, STREAM_CHUNK_BYTES);
  });

  test("whose caller goes away lets go of everything", async () => {
    await client.streamSet(chunks("left", longValue(4 * MIB)));
    const before = services.calls.length;
    const going = new AbortController();
    const answer = client.streamGet({ key: utf8("left") }, { signal: going.signal });
    await assert.rejects(async () => {
      for await (const { content } of answer) if (content.length > 100) going.abort();
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(services.calls.length, before + 1);
    assert.equal(services.calls.at(-1)?.failure?.code, Code.Canceled);
  });
});

describe("lists that are streamed", () => {
  test("streamScan, streamHistory and streamZScan answer what the lists answer, with long values among them", async () => {
    const values = [longValue(MIB + 5, 1), utf8("short"), EMPTY, longValue(2 * MIB, 2)];
    await client.streamSet(chunks(...values.flatMap((value, i) => [`list ${i}`, value])));
    await client.streamSet(chunks("list 1", longValue(2 * MIB, 5)));
    await client.delete({ keys: [utf8("list 1")] });
    await client.streamSet(chunks("list 1", "again"));
    for (const [i, score] of [2, -1, 0.5, 7].entries()) {
      await client.zAdd({ set: utf8("zset"), score, key: utf8(`list ${i}`) });
    }
    const scanned = await client.scan({ prefix: utf8("list ") });
    assert.deepEqual(
      await frames(client.streamScan({ prefix: utf8("list ") })),
      scanned.entries.flatMap(({ key, value }) => [key, value]),
    );
    const history = await client.history({ key: utf8("list 1") });
    assert.equal(history.entries.length, 4);
    assert.deepEqual(
      await frames(client.streamHistory({ key: utf8("list 1") })),
      history.entries.flatMap(({ key, value }) => [key, value]),
    );
    const members = await client.zScan({ set: utf8("zset") });
    assert.equal(members.entries.length, 4);
    assert.deepEqual(
      await frames(client.streamZScan({ set: utf8("zset") })),
      members.entries.flatMap(({ set, key, score, atTx, entry }) => [set, key, f64(score), u64(atTx), entry?.value]),
    );
  });

  test("keep to the same limits as the lists", async () => {
    assert.match((await refusalOf(frames(client.streamScan({ limit: 2501n })))).text, /result size limit exceeded/);
    assert.match((await refusalOf(frames(client.streamZScan({})))).text, /illegal arguments/);
    assert.equal((await refusalOf(frames(client.streamHistory({ key: utf8("none") })))).text, "tbtree: key not found");
    assert.deepEqual(await frames(client.streamScan({ prefix: utf8("nothing begins so") })), []);
  });
});

describe("streams with proofs", () => {
  test("streamVerifiableSet and streamVerifiableGet are verified as the others are, metadata included", async () => {
    const db = "defaultdb";
    const { txId, txHash } = await client.currentState({});
    const state = { db, txId, txHash, signature: undefined };
    const pairs = [
      { key: utf8("p1"), value: longValue(2 * MIB), metadata: undefined },
      { key: utf8("p2"), value: EMPTY, metadata: undefined },
    ];
    const answer = await client.streamVerifiableSet(
      chunks(u64(txId), ...pairs.flatMap(({ key, value }) => [key, value])),
    );
    const newer = await verifiedSet({ state }, pairs, verifiableTxFromWire(answer));
    assert.equal(newer.txId, answer.tx?.header?.id);

    const expiresAt = BigInt(Math.floor(services.clock.nowMs() / 1000) + 1000);
    const metadata = { deleted: false, expiration: { expiresAt }, nonIndexable: false };
    await client.set({ KVs: [{ key: utf8("p3"), value: utf8("expires"), metadata }] });
    for (const [key, value] of [
      ["p1", pairs[0]?.value as Uint8Array],
      ["p2", EMPTY],
      ["p3", utf8("expires")],
    ] as const) {
      const request = { keyRequest: { key: utf8(key) }, proveSinceTx: newer.txId };
      const answered = await frames(client.streamVerifiableGet(request));
      assert.equal(answered.length, 4);
      assert.deepEqual(answered[3], value);
      const proven = verifiableEntryFromWire(asUnary(answered));
      assert.equal(proven.entry.metadata?.expiresAt, key === "p3" ? expiresAt : undefined);
      await verifiedGet({ state: newer }, { key: utf8(key), atTx: 0n }, proven);
    }
  });

  test("streamVerifiableSet refuses a state of the future, and a stream that does not begin with one", async () => {
    const before = (await client.currentState({})).txId;
    const lead = "StreamVerifiableSet received the following error: ";
    assert.deepEqual(await refusalOf(client.streamVerifiableSet(chunks(u64(before + 1n), "k", "v"))), {
      code: Code.Unknown,
      text: `${lead}illegal state`,
    });
    assert.deepEqual(await refusalOf(client.streamVerifiableSet(chunks())), {
      code: Code.Unknown,
      text: `${lead}no entries provided`,
    });
    assert.deepEqual(await refusalOf(client.streamVerifiableSet(chunks(u64(0n)))), {
      code: Code.Unknown,
      text: `${lead}no entries provided`,
    });
    assert.deepEqual(await refusalOf(client.streamVerifiableSet(chunks("key", "value"))), {
      code: Code.Unknown,
      text: `${lead}illegal arguments: a transaction id has 8 bytes`,
    });
    assert.equal((await client.currentState({})).txId, before);
  });

  test("streamVerifiableGet is refused as verifiableGet is", async () => {
    const { code, text } = await refusalOf(frames(client.streamVerifiableGet({})));
    assert.deepEqual({ code, text }, await refusalOf(client.verifiableGet({})));
  });
});

describe("streamExecAll", () => {
  const member = (set: string, score: number, key: string): Uint8Array =>
    toBinary(ZAddRequestSchema, create(ZAddRequestSchema, { set: utf8(set), score, key: utf8(key) }));

  test("writes values and members as one transaction, long ones too", async () => {
    const value = longValue(3 * MIB, 9);
    const ops = [KEY_VALUE, "e1", value, MEMBER, member("es", 2.5, "e1"), KEY_VALUE, "e2", "v2"];
    const header = await client.streamExecAll(chunks(...ops));
    assert.equal(header.nentries, 3);
    assert.ok(equalBytes((await client.get({ key: utf8("e1") })).value, value));
    const { entries } = await client.zScan({ set: utf8("es") });
    assert.deepEqual(
      entries.map(({ key, score }) => [utf8ToString(key), score]),
      [["e1", 2.5]],
    );
  });

  test("refuses what is no operation, and writes nothing of the others", async () => {
    const before = (await client.currentState({})).txId;
    const refused = (...payloads: readonly Payload[]) => refusalOf(client.streamExecAll(chunks(...payloads)));
    const illegal = (text: string) => ({ code: Code.InvalidArgument, text });
    assert.deepEqual(await refused(), illegal("empty set"));
    assert.deepEqual(await refused(Uint8Array.of(9), "k", "v"), illegal("empty set"));
    assert.deepEqual(
      await refused(KEY_VALUE, "k", "v", Uint8Array.of(9), "k", "v"),
      illegal("illegal arguments: unknown operation"),
    );
    assert.deepEqual(await refused(KEY_VALUE, "k", "v", "not a tag"), illegal("illegal arguments: unknown operation"));
    assert.deepEqual(await refused(MEMBER, "\xff\xff"), illegal("illegal arguments: an operation cannot be read"));
    assert.deepEqual(
      await refused(MEMBER, new Uint8Array(4097)),
      illegal("illegal arguments: an operation has at most 4096 bytes"),
    );
    assert.deepEqual(await refused(KEY_VALUE, "k", "v", KEY_VALUE), illegal("the stream ends inside a message"));
    assert.equal((await refused(Uint8Array.of(4), "x")).code, Code.Unimplemented);
    assert.match((await refused(KEY_VALUE, "k", "")).text, /empty value/);
    const many = Array.from({ length: 1025 }, (_, i) => [KEY_VALUE, `m ${i}`, "v"]).flat();
    assert.equal((await refused(...many)).text, "max number of entries per tx exceeded");
    assert.equal((await client.currentState({})).txId, before);
  });
});

describe("who may stream", () => {
  test("is who may call the other methods", async () => {
    await services.addUser("reader", { defaultdb: "read" });
    const reader = await services.session("reader");
    assert.equal((await refusalOf(reader.streamSet(chunks("k", "v")))).text, "permission denied");
    assert.equal((await refusalOf(reader.streamExecAll(chunks()))).text, "permission denied");
    await client.streamSet(chunks("readable", "v"));
    assert.deepEqual(await texts(reader.streamGet({ key: utf8("readable") })), ["readable", "v"]);
    const nobody = services.client();
    assert.equal((await refusalOf(nobody.streamSet(chunks("k", "v")))).text, "not logged in");
    assert.equal((await refusalOf(frames(nobody.streamGet({ key: utf8("k") })))).text, "not logged in");
  });

  test("is looked at again when the stream has ended: whoever was thrown out meanwhile writes nothing", async () => {
    await services.addUser("writer", { defaultdb: "write" });
    const writer = await services.session("writer");
    async function* slowly(): AsyncGenerator<{ content: Uint8Array }> {
      yield { content: stream("thrown out", "v") };
      await client.setActiveUser({ username: "writer", active: false });
      services.clock.ms++;
    }
    const refusal = await refusalOf(writer.streamSet(slowly()));
    assert.equal(refusal.code, Code.PermissionDenied, refusal.text);
    assert.equal((await refusalOf(client.get({ key: utf8("thrown out") }))).text, "tbtree: key not found");
  });
});

/** What verifiableGet answers, from the frames of the streamed answer. */
function asUnary([
  entry = EMPTY,
  verifiableTx = EMPTY,
  inclusionProof = EMPTY,
  value = EMPTY,
]: Uint8Array[]): VerifiableEntry {
  return create(VerifiableEntrySchema, {
    entry: { ...fromBinary(EntrySchema, entry), value },
    verifiableTx: fromBinary(VerifiableTxSchema, verifiableTx),
    inclusionProof: fromBinary(InclusionProofSchema, inclusionProof),
  });
}

function f64(score: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setFloat64(0, score);
  return bytes;
}
