import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HpackDecoder } from "../../../src/http2/hpack-decoder.ts";

/** Fields as RFC 7541 prints them. */
function listed(lines: string): [string, string][] {
  const rows = lines.trim().split("\n");
  return rows.map((row) => {
    const [, name, value] = /^\s*(:?[^:]+): (.*)$/.exec(row) as RegExpExecArray;
    return [name as string, value as string];
  });
}

/** Decodes the blocks in a row, and compares each with the fields. */
function check(examples: readonly (readonly [hex: string, fields: string])[], first?: string): void {
  const decoder = new HpackDecoder(65_536);
  if (first !== undefined) decoder.decode(Buffer.from(first, "hex"));
  for (const [hex, lines] of examples) {
    const fields = decoder.decode(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
    assert.ok(fields);
    const expected = listed(lines);
    assert.deepEqual(
      [...fields.entries()],
      expected.filter(([name]) => !name.startsWith(":")),
    );
    for (const [name, value] of expected) assert.equal(fields.get(name), value);
  }
}

const REQUESTS = [
  ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com",
  ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache",
  ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value",
] as const;

const RESPONSES = [
  ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com",
  ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com",
  `:status: 200
  cache-control: private
  date: Mon, 21 Oct 2013 20:13:22 GMT
  location: https://www.example.com
  content-encoding: gzip
  set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1`,
] as const;

/** A block that makes the dynamic table as large as it is in the examples of responses: 256 bytes. */
const TABLE_OF_256 = "3fe101";

describe("the examples of RFC 7541, appendix C", () => {
  test("C.2: literals and indexed fields", () => {
    check([["400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header"]]);
    check([["040c2f73616d706c652f70617468", ":path: /sample/path"]]);
    check([["100870617373776f726406736563726574", "password: secret"]]);
    check([["82", ":method: GET"]]);
  });

  test("C.3: requests without Huffman", () => {
    check([
      ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUESTS[0]],
      ["8286 84be 5808 6e6f 2d63 6163 6865", REQUESTS[1]],
      ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQUESTS[2]],
    ]);
  });

  test("C.4: requests with Huffman", () => {
    check([
      ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUESTS[0]],
      ["8286 84be 5886 a8eb 1064 9cbf", REQUESTS[1]],
      ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUESTS[2]],
    ]);
  });

  test("C.5: responses without Huffman, which evict", () => {
    check(
      [
        [
          `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
           3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
          RESPONSES[0],
        ],
        ["4803 3330 37c1 c0bf", RESPONSES[1]],
        [
          `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
           7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
           6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
          RESPONSES[2],
        ],
      ],
      TABLE_OF_256,
    );
  });

  test("C.6: responses with Huffman, which evict", () => {
    check(
      [
        [
          `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
           1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
          RESPONSES[0],
        ],
        ["4883 640e ffc1 c0bf", RESPONSES[1]],
        [
          `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
           e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
          RESPONSES[2],
        ],
      ],
      TABLE_OF_256,
    );
  });
});
