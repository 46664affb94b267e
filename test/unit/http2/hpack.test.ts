import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { duplexPair } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concat } from "../../../src/base/bytes.ts";
import { encodeFields, type HeaderFields } from "../../../src/http2/header-fields.ts";
import { HpackDecoder } from "../../../src/http2/hpack-decoder.ts";
import { HpackError } from "../../../src/http2/hpack-error.ts";
import { HUFFMAN_CODES, huffmanText } from "../../../src/http2/huffman.ts";
import { bitsToBytes, type Field, HpackWriter, huffman, integer } from "../../support/hpack-writer.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const LIST_BYTES_MAX = 65_536;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function decoded(decoder: HpackDecoder, block: Uint8Array): HeaderFields {
  const fields = decoder.decode(block);
  assert.ok(fields);
  return fields;
}

function refused(block: Uint8Array, message: RegExp, decoder: HpackDecoder = new HpackDecoder(LIST_BYTES_MAX)): void {
  assert.throws(() => decoder.decode(block), { name: "HpackError", message });
}

const octets = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
/** Names that repeat, so that they are found in tables, and others. */
const names = fc.oneof(
  fc.constantFrom("te", "accept", "grpc-timeout", "x", "content-type", "cookie"),
  octets.map((text) => `x${text}`),
);
const fieldLists = fc.array(fc.tuple(names, fc.oneof(fc.constantFrom("", "a", "trailers"), octets)), { maxLength: 12 });

describe("a decoder", () => {
  test("reads all that an encoder may write", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fieldLists, { maxLength: 12 }), (seed, lists) => {
        const random = new SeededRandom(seed);
        const writer = new HpackWriter((bound) => random.below(bound));
        const decoder = new HpackDecoder(LIST_BYTES_MAX);
        for (const list of lists) assert.deepEqual([...decoded(decoder, writer.block(list)).entries()], list);
      }),
    );
  });

  test("reads what Node's client writes", async () => {
    const [near, far] = duplexPair();
    const client = http2.connect("http://localhost", { createConnection: () => near });
    const received: Buffer[] = [];
    far.on("data", (chunk: Buffer) => received.push(chunk));
    // Every octet that Node sends, so that the codes of these are compared with another implementation's.
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
      .filter((c) => /[\x20-\x7e\x80-\xff]/.test(c))
      .join("");
    const sent = {
      ":path": "/a/b",
      "x-all": `a${all}a`,
      "x-long": `a${all}`.repeat(20).concat("a"),
      "content-type": "application/grpc",
    };
    for (let i = 0; i < 3; i++) client.request({ ...sent, "x-count": String(i) }).on("error", () => undefined);
    while (headerBlocks(Buffer.concat(received)).length < 3) await once(far, "data");
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    headerBlocks(Buffer.concat(received)).forEach((block, i) => {
      const fields = decoded(decoder, block);
      assert.equal(fields.invalidRequest(), undefined);
      assert.equal(fields.authority, "localhost:80");
      for (const [name, value] of Object.entries(sent)) assert.equal(fields.get(name), value);
      assert.equal(fields.get("x-count"), String(i));
    });
    client.destroy();
  });

  test("refuses indexes that no table has", () => {
    refused(hex("80"), /an index that no table has/);
    refused(hex("be"), /an index that no table has/);
    refused(hex("7e 0161"), /an index that no table has/);
    refused(hex("ff8001"), /an index that no table has/);
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    decoded(decoder, hex("4001610162"));
    assert.equal(decoded(decoder, hex("be")).get("a"), "b");
    refused(hex("bf"), /an index that no table has/, decoder);
  });

  test("refuses integers of more than 28 bits, and no shorter ones", () => {
    refused(hex("ff80808080"), /an integer that is too long/);
    refused(hex("7f ffffffffff7f"), /an integer that is too long/);
    assert.equal(decoded(new HpackDecoder(LIST_BYTES_MAX), hex("0f80808000 0161")).get(":path"), undefined);
    assert.equal(decoded(new HpackDecoder(LIST_BYTES_MAX), hex("0f80808000 0161")).get("accept-charset"), "a");
  });

  test("refuses a block that breaks off", () => {
    const whole = hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572");
    for (let length = 1; length < whole.length; length++) refused(whole.subarray(0, length), /breaks off/);
    for (const text of ["ff", "ff80", "7f", "0f", "04", "047f", "00", "0001", "1f"]) refused(hex(text), /breaks off/);
  });

  test("refuses a string that is longer than the block, however long it says it is", () => {
    refused(hex("00 7fffffff7f 61"), /breaks off/);
    refused(hex("0001 61 05 61626364"), /breaks off/);
  });

  test("takes a new capacity at the beginning of a block only", () => {
    refused(hex("82 20"), /after a field/);
    refused(hex("3fe21f"), /above the limit/);
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    assert.deepEqual([...decoded(decoder, hex("20 3fe11f")).entries()], []);
  });

  test("forgets what does not fit into a smaller capacity, oldest first", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    // Two fields of 34 bytes each; 68 keep both, 67 the newest, 33 none.
    decoded(decoder, hex("4001610141 4001620142"));
    assert.equal(decoded(decoder, hex("3f25 be bf")).get("a"), "A");
    assert.equal(decoded(decoder, hex("3f24 be")).get("b"), "B");
    refused(hex("bf"), /no table has/, decoder);
    decoded(decoder, hex("3f02"));
    refused(hex("be"), /no table has/, decoder);
  });

  test("empties its table for a field that is larger than all of it", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    decoded(decoder, hex("3f25 4001610141"));
    const large = hex(`400161${Buffer.from(integer(0, 0x7f, 40)).toString("hex")}${"62".repeat(40)}`);
    assert.equal(decoded(decoder, large).get("a"), "b".repeat(40));
    refused(hex("be"), /no table has/, decoder);
  });

  test("wants a smaller table after the peer has acknowledged one", () => {
    const smaller = new HpackDecoder(LIST_BYTES_MAX);
    smaller.acknowledgeCapacity(100);
    refused(hex("82"), /not made smaller/, smaller);
    const obeyed = new HpackDecoder(LIST_BYTES_MAX);
    const before = decoded(obeyed, hex("82"));
    obeyed.acknowledgeCapacity(100);
    assert.equal(decoded(obeyed, hex("3f45 82")).method, "GET");
    assert.notEqual(decoded(obeyed, hex("82")), before);
    refused(hex("3f46"), /above the limit/, obeyed);
    const seen = new HpackDecoder(LIST_BYTES_MAX);
    decoded(seen, hex("82"));
    seen.acknowledgeCapacity(100);
    refused(hex("82"), /not made smaller/, seen);
  });

  test("lets a peer that has a small table already leave it as it is", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX, 8192);
    decoded(decoder, hex("3fe13f 3f45"));
    decoder.acknowledgeCapacity(100);
    assert.equal(decoded(decoder, hex("82")).method, "GET");
    assert.equal(decoded(decoder, hex("3f45 82")).method, "GET", "or say again how large it is");
  });

  test("says that a list is too long, counted as RFC 9113 does, and reads on", () => {
    const decoder = new HpackDecoder(68);
    assert.equal(decoded(decoder, hex("4001610141 4001620142")).get("b"), "B");
    assert.equal(decoder.decode(hex("be bf 82")), undefined);
    assert.equal(decoder.decode(hex("4001630143 4001640144 4001650145")), undefined);
    assert.equal(decoded(decoder, hex("be c0")).get("c"), "C");
    assert.equal(decoder.decode(hex("be bf c0")), undefined);
    assert.equal(decoder.decode(hex("be bf c0")), undefined, "as before");
  });

  test("gives the same object for the same octets while its table stays", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    decoded(decoder, hex("4001610141"));
    const first = decoded(decoder, hex("82be"));
    first.memo = "mine";
    assert.equal(decoded(decoder, Buffer.from("82be", "hex")).memo, "mine");
    assert.notEqual(decoded(decoder, hex("83be")), first);
    assert.equal(decoded(decoder, hex("82be")), first);
    decoded(decoder, hex("4001610142"));
    assert.equal(decoded(decoder, hex("82be")).get("a"), "B");
    assert.notEqual(decoded(decoder, hex("82be")), first);
  });

  test("gives each block its own fields, however many there are and whatever they share", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) {
        const value = String(i);
        assert.equal(decoded(decoder, encodeFields([["x-number", value]])).get("x-number"), value);
      }
    }
  });

  test("keeps no octets of a caller, and does not keep long blocks", () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    const block = hex("0001610141");
    const first = decoded(decoder, block);
    block[4] = 0x42;
    assert.equal(decoded(decoder, block).get("a"), "B");
    assert.equal(first.get("a"), "A");
    const long = encodeFields([["x", "y".repeat(600)]]);
    assert.notEqual(decoded(decoder, long), decoded(decoder, long));
  });

  test("reads any octets as fields or refuses them, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (blocks) => {
        const decoder = new HpackDecoder(200);
        try {
          for (const block of blocks) decoder.decode(block)?.invalidRequest();
        } catch (error) {
          assert.ok(error instanceof HpackError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("Huffman strings", () => {
  test("are read as they were written", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const coded = huffman(bytes);
        assert.equal(huffmanText(coded, 0, coded.length), Buffer.from(bytes).toString("latin1"));
      }),
    );
  });

  test("are read wherever they stand, and however long they are", () => {
    const text = "a~\u00ff".repeat(60_000);
    const coded = huffman(Buffer.from(text, "latin1"));
    const bytes = concat(Uint8Array.of(1, 2), coded, Uint8Array.of(3));
    assert.equal(huffmanText(bytes, 2, 2 + coded.length), text);
    assert.equal(huffmanText(bytes, 2, 2), "");
  });

  test("have a code that wastes nothing and is as the RFC prints it", () => {
    assert.equal(
      HUFFMAN_CODES.reduce((sum, { length }) => sum + 2 ** -length, 0),
      1,
    );
    assert.deepEqual(HUFFMAN_CODES[0], { code: 0x1ff8, length: 13 });
    assert.deepEqual(HUFFMAN_CODES[0x7a], { code: 0x7b, length: 7 });
    assert.deepEqual(HUFFMAN_CODES[208], { code: 0x7fff2, length: 19 });
    assert.deepEqual(HUFFMAN_CODES[255], { code: 0x3ffffee, length: 26 });
    assert.deepEqual(HUFFMAN_CODES[256], { code: 0x3fffffff, length: 30 });
  });

  test("may end in the first bits of EOS, up to seven", () => {
    // Seven symbols of five bits and one of six need seven bits of padding.
    assert.equal(huffmanText(bitsToBytes(`${"00000".repeat(5)}1111111`), 0, 4), "00000");
    for (const bad of ["0000011111111111", "11111111", `00000${"1".repeat(11)}`]) {
      const bytes = bitsToBytes(bad);
      assert.throws(() => huffmanText(bytes, 0, bytes.length), /not padded/);
    }
  });

  test("may not end in anything else", () => {
    for (const bad of ["00000110", "00000000", "00000010", `${"00000".repeat(5)}1111110`, "0001111000"]) {
      const bytes = bitsToBytes(bad.padEnd(Math.ceil(bad.length / 8) * 8, "0"));
      assert.throws(() => huffmanText(bytes, 0, bytes.length), /not padded/);
    }
  });

  test("may not contain EOS, at any place in an octet", () => {
    for (let before = 0; before < 8; before++) {
      const bits = `${"00000".repeat(before)}${"1".repeat(30)}${"00000".repeat(8)}`;
      const bytes = bitsToBytes(bits.slice(0, Math.floor(bits.length / 8) * 8));
      assert.throws(() => huffmanText(bytes, 0, bytes.length), /contains EOS/);
    }
  });

  test("are refused inside a header block too", () => {
    refused(hex("0085 ffffffffff 0161"), /contains EOS/);
    refused(hex("0081 ff 0161"), /not padded/);
  });
});

describe("encoded fields", () => {
  test("are read as they were", () => {
    const sendable = octets.map((text) => text.replaceAll(/[\0\r\n]/g, ""));
    const lists = fc.array(
      fc.tuple(fc.constantFrom(":status", "date", "x-a", "grpc-status", "content-type"), sendable),
    );
    fc.assert(
      fc.property(lists, (list) => {
        const decoder = new HpackDecoder(LIST_BYTES_MAX);
        const fields = decoded(decoder, encodeFields([...list, ["x-last", "z".repeat(300)]]));
        for (const [name, value] of fields.entries())
          assert.ok(name === "x-last" || list.some((f) => f[0] === name && f[1] === value));
        assert.equal(fields.get(":status"), listed(list, ":status"));
        assert.equal(fields.get("x-a"), listed(list, "x-a"));
        assert.equal(fields.get("x-last"), "z".repeat(300));
      }),
    );
  });

  test("take one octet where the static table has them, and change no table", () => {
    assert.deepEqual([...encodeFields([[":status", "200"]])], [0x88]);
    assert.deepEqual([...encodeFields([[":status", "304"]])], [0x8b]);
    assert.deepEqual([...encodeFields([[":status", "418"]])], [0x08, 3, 0x34, 0x31, 0x38]);
    assert.deepEqual([...encodeFields([["accept", ""]])], [0x0f, 4, 0]);
    assert.deepEqual([...encodeFields([["te", ""]])], [0, 2, 0x74, 0x65, 0]);
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    const block = encodeFields([
      [":status", "200"],
      ["grpc-status", "0"],
    ]);
    assert.equal(decoded(decoder, block), decoded(decoder, block));
  });

  test("have lengths of any size", () => {
    for (const length of [0, 126, 127, 128, 254, 255, 16_510, 20_000]) {
      const value = "v".repeat(length);
      assert.equal(decoded(new HpackDecoder(LIST_BYTES_MAX), encodeFields([["x", value]])).get("x"), value);
    }
  });

  test("cannot have names or values that would not arrive", () => {
    const bad: Field[] = [
      ["X", "a"],
      ["", "a"],
      ["a b", "a"],
      ["a:", "a"],
      ["a", "b\r"],
      ["a", "b\n"],
      ["a", "\0"],
      ["a", "\u0100"],
      ["a", "\u20ac"],
    ];
    for (const field of bad) assert.throws(() => encodeFields([field]), /a header field that cannot be sent/);
  });
});

/** The values of the fields with a name, as a reader gets them. */
function listed(list: readonly Field[], name: string): string | undefined {
  const values = list.filter((field) => field[0] === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/** The header blocks that a client sent after its preface. */
function headerBlocks(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let at = 24;
  while (at + 9 <= bytes.length) {
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3];
    const flags = bytes[at + 4] as number;
    if (at + 9 + length > bytes.length) break;
    // HEADERS begins with five octets of priority when the flag 0x20 is set.
    if (type === 1) blocks.push(bytes.subarray(at + 9 + ((flags & 0x20) === 0 ? 0 : 5), at + 9 + length));
    if (type === 9) blocks.push(Buffer.concat([blocks.pop() as Buffer, bytes.subarray(at + 9, at + 9 + length)]));
    at += 9 + length;
  }
  return blocks;
}
