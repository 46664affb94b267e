import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StartError } from "../../../src/server/errors.ts";
import { TrustedProxies } from "../../../src/server/trusted-proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);

describe("where a call comes from", () => {
  for (const [peer, said, client] of [
    ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["203.0.113.9", "127.0.0.1", "203.0.113.9"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "198.51.100.1, 10.0.0.2,fd00::7", "198.51.100.1"],
    ["fd00::1", "2001:db8::1", "2001:db8::1"],
    ["10.0.0.1", "198.51.100.1:55555", "198.51.100.1"],
    ["10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"],
    ["10.0.0.1", "10.0.0.3", "10.0.0.3"],
    ["127.0.0.1", "", "unknown"],
    ["127.0.0.1", "localhost", "unknown"],
    ["127.0.0.1", "127.0.0.1, junk", "unknown"],
    ["", "198.51.100.1", ""],
  ] as const) {
    test(`a connection from '${peer}' that says ${said} is a call from '${client}'`, () => {
      assert.equal(proxies.clientOf(peer, said), client);
    });
  }

  test("is looked for in the last hops only", () => {
    assert.equal(proxies.clientOf("10.0.0.1", Array(100_000).fill("10.0.0.2").join()), "10.0.0.2");
  });

  for (const wrong of [
    "proxy.example",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "fd00::/129",
    "10.0.0/8",
    "10.0.0.1/-1",
  ])
    test(`'${wrong}' is no network`, () => {
      assert.throws(() => new TrustedProxies([wrong]), StartError);
    });
});
