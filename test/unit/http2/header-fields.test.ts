import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderField } from "../../../src/http2/header-field.ts";
import { HeaderFields } from "../../../src/http2/header-fields.ts";

type Row = readonly [name: string, value: string];

const METHOD: Row = [":method", "POST"];
const SCHEME: Row = [":scheme", "http"];
const PATH: Row = [":path", "/a.B/C"];
const AUTHORITY: Row = [":authority", "db:3322"];
const TARGET: readonly Row[] = [METHOD, SCHEME, PATH, AUTHORITY];

function fields(...rows: readonly Row[]): HeaderFields {
  return new HeaderFields(rows.map(([name, value]) => new HeaderField(name, value)));
}

function accepted(...rows: readonly Row[]): void {
  assert.equal(fields(...rows).invalidRequest(), undefined);
}

function refused(reason: RegExp, ...rows: readonly Row[]): void {
  const list = fields(...rows);
  assert.match(list.invalidRequest() ?? "accepted", reason);
  assert.match(list.invalidRequest() ?? "accepted", reason, "the second time too");
}

describe("the fields of a request", () => {
  test("are read by name, several of a name joined", () => {
    const list = fields(...TARGET, ["te", "trailers"], ["cookie", "a=1"], ["x", "1"], ["cookie", "b=2"], ["x", "2"]);
    assert.deepEqual([list.method, list.scheme, list.path, list.authority], ["POST", "http", "/a.B/C", "db:3322"]);
    assert.equal(list.get("te"), "trailers");
    assert.equal(list.get("x"), "1, 2");
    assert.equal(list.get("cookie"), "a=1; b=2");
    assert.equal(list.get("y"), undefined);
    assert.equal(list.get(":path"), "/a.B/C");
    assert.deepEqual(
      [...list.entries()],
      [
        ["te", "trailers"],
        ["cookie", "a=1"],
        ["x", "1"],
        ["cookie", "b=2"],
        ["x", "2"],
      ],
    );
    assert.equal(list.invalidRequest(), undefined);
    assert.equal(list.invalidRequest(), undefined, "the second time too");
  });

  test("have empty pseudo-headers when these are absent, and host for an absent :authority", () => {
    const none = fields(["a", "b"]);
    assert.deepEqual([none.method, none.scheme, none.path, none.authority], ["", "", "", ""]);
    assert.equal(fields(METHOD, SCHEME, PATH, ["host", "db"]).authority, "db");
    accepted(METHOD, SCHEME, PATH, ["host", "db"]);
    accepted(METHOD, SCHEME, PATH);
  });

  test("say how long the body is", () => {
    assert.equal(fields(...TARGET).contentLength, undefined);
    assert.equal(fields(...TARGET, ["content-length", "12"]).contentLength, 12);
    accepted(...TARGET, ["content-length", "0"]);
    for (const bad of ["", "-1", "1.5", "0x10", "1e3", "1 2", "1".repeat(16)]) {
      refused(/content-length/, ...TARGET, ["content-length", bad]);
    }
    refused(/content-length/, ...TARGET, ["content-length", "1"], ["content-length", "1"]);
  });

  test("need a method, a scheme and a path", () => {
    refused(/no :method/, SCHEME, PATH, AUTHORITY);
    refused(/no :scheme/, METHOD, PATH, AUTHORITY);
    refused(/no :path/, METHOD, SCHEME, AUTHORITY);
    refused(/no :path/, METHOD, SCHEME, [":path", ""], AUTHORITY);
    refused(/:method/, [":method", ""], SCHEME, PATH);
    refused(/:scheme/, METHOD, [":scheme", ""], PATH);
    refused(/no :method/);
  });

  test("have a path that begins with /, or * for OPTIONS", () => {
    accepted([":method", "OPTIONS"], SCHEME, [":path", "*"]);
    refused(/does not begin with/, METHOD, SCHEME, [":path", "*"]);
    refused(/does not begin with/, [":method", "OPTIONS"], SCHEME, [":path", "**"]);
    refused(/does not begin with/, METHOD, SCHEME, [":path", "a/b"]);
    refused(/value that :path/, METHOD, SCHEME, [":path", "/a b"]);
    refused(/value that :path/, METHOD, SCHEME, [":path", "/a\x7f"]);
    accepted(METHOD, SCHEME, [":path", "/a?b=%20\u00e9#c"]);
  });

  test("have pseudo-headers before all others, each once, and no unknown ones", () => {
    refused(/after a regular field/, METHOD, SCHEME, ["a", "b"], PATH);
    for (const twice of TARGET) refused(/twice/, ...TARGET, twice);
    refused(/that no request has/, ...TARGET, [":status", "200"]);
    refused(/that no request has/, ...TARGET, [":protocol", "websocket"]);
    refused(/that no request has/, ...TARGET, [":", "a"]);
    refused(/that no request has/, ...TARGET, [":Path", "/"]);
  });

  test("of CONNECT have an authority and nothing else", () => {
    const connect: Row = [":method", "CONNECT"];
    accepted(connect, AUTHORITY);
    refused(/CONNECT/, connect);
    refused(/CONNECT/, connect, ["host", "db"]);
    refused(/CONNECT/, connect, [":authority", ""]);
    refused(/CONNECT/, connect, SCHEME, AUTHORITY);
    refused(/CONNECT/, connect, PATH, AUTHORITY);
    refused(/CONNECT/, connect, [":path", ""], ["host", "db"]);
  });

  test("have methods and schemes of the right characters, and no user in the authority", () => {
    refused(/value that :method/, [":method", "GE T"], SCHEME, PATH);
    refused(/value that :scheme/, METHOD, [":scheme", "ht tp"], PATH);
    refused(/value that :authority/, METHOD, SCHEME, PATH, [":authority", "user@db"]);
    refused(/value that :authority/, METHOD, SCHEME, PATH, [":authority", "a b"]);
    accepted([":method", "M-SEARCH"], [":scheme", "git+ssh"], PATH, [":authority", "[::1]:80"]);
  });

  test("have names in lower case, of the characters of names", () => {
    for (const bad of ["A", "aB", "", "a b", "a:b", "a\0", "\u00e9", "a\x7f", "(a)"]) {
      refused(/field name/, ...TARGET, [bad, "x"]);
    }
    accepted(...TARGET, ["a-z_0.9!#$%&'*+^`|~", "x"]);
  });

  test("have values without line ends, NUL and white space around them", () => {
    for (const bad of ["a\rb", "a\nb", "a\0b", " a", "a ", "\ta", "a\t", " ", "\n", "a\n"]) {
      refused(/field value/, ...TARGET, ["x", bad]);
    }
    for (const good of ["", "a b", "a\tb", "\u00ff", "\x01"]) accepted(...TARGET, ["x", good]);
  });

  test("say nothing of the connection, and of te only trailers", () => {
    for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]) {
      refused(new RegExp(name), ...TARGET, [name, "x"]);
    }
    accepted(...TARGET, ["te", "Trailers"]);
    refused(/te with/, ...TARGET, ["te", "trailers, gzip"]);
    refused(/te with/, ...TARGET, ["te", "trailers"], ["te", "gzip"]);
    refused(/te with/, ...TARGET, ["te", ""]);
  });

  test("have a host that is the authority's, if any", () => {
    accepted(...TARGET, ["host", "DB:3322"]);
    accepted(METHOD, SCHEME, PATH, [":authority", "db"], ["host", "db:80"]);
    accepted(METHOD, [":scheme", "https"], PATH, [":authority", "db:443"], ["host", "db"]);
    refused(/not :authority/, METHOD, [":scheme", "https"], PATH, [":authority", "db"], ["host", "db:80"]);
    refused(/not :authority/, ...TARGET, ["host", "other:3322"]);
    refused(/not :authority/, ...TARGET, ["host", ""]);
    refused(/more than one host/, METHOD, SCHEME, PATH, ["host", "a"], ["host", "b"]);
  });
});

describe("the trailers of a request", () => {
  test("are regular fields", () => {
    assert.equal(fields(["grpc-status", "0"], ["x", "y"]).invalidTrailers(), undefined);
    assert.equal(fields().invalidTrailers(), undefined);
    assert.match(fields(["x", "y"], PATH).invalidTrailers() ?? "", /pseudo-header among trailers/);
    assert.match(fields(["X", "y"]).invalidTrailers() ?? "", /field name/);
    assert.match(fields(["connection", "y"]).invalidTrailers() ?? "", /connection/);
  });
});
