import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ensurePair } from "../../../src/server/auto-cert.ts";
import { readAuthorities, readPair, validityWarnings } from "../../../src/server/certificate.ts";
import { StartError } from "../../../src/server/errors.ts";
import { autoCertPaths, type TlsFlags, tlsSettings } from "../../../src/server/tls-settings.ts";
import { Authority, selfSigned, writePair } from "../../support/certificates.ts";

const DAY_MS = 86_400_000;
const NO_FLAGS: TlsFlags = { certificate: "", privateKey: "", clientAuthorities: "", mutual: false, auto: false };

const fail = (sentence: string): never => assert.fail(sentence);

async function refusal(attempt: () => unknown): Promise<StartError> {
  try {
    await attempt();
  } catch (error) {
    assert.ok(error instanceof StartError, String(error));
    return error;
  }
  assert.fail("accepted");
}

describe("the flags of TLS", () => {
  const refused = (flags: Partial<TlsFlags>) => refusal(() => tlsSettings({ ...NO_FLAGS, ...flags }, fail));

  test("without any there is no TLS", () => {
    assert.equal(tlsSettings(NO_FLAGS, fail), undefined);
  });

  test("one file of the pair is not enough", async () => {
    assert.match((await refused({ certificate: "c.pem" })).message, /^--certificate is given without --pkey$/);
    assert.match(
      (await refused({ privateKey: "k.pem", auto: true })).message,
      /^--pkey is given without --certificate$/,
    );
  });

  test("client certificates can only be demanded over TLS, and of named authorities", async () => {
    assert.match((await refused({ mutual: true, clientAuthorities: "ca.pem" })).hint, /--certificate and --pkey/);
    assert.match((await refused({ mutual: true, auto: true })).hint, /--clientcas/);
    const settings = tlsSettings({ ...NO_FLAGS, auto: true, mutual: true, clientAuthorities: "ca.pem" }, fail);
    assert.equal(settings?.clientAuthorities, "ca.pem");
  });

  test("a flag without effect is told of", () => {
    const pair = { certificate: "c.pem", privateKey: "k.pem" };
    const told: string[] = [];
    const flags = { ...NO_FLAGS, ...pair, auto: true, clientAuthorities: "ca.pem" };
    const settings = tlsSettings(flags, (sentence) => told.push(sentence));
    assert.partialDeepStrictEqual(settings, { ...pair, auto: false, clientAuthorities: undefined });
    assert.deepEqual(told, [
      "--auto-cert has no effect: --certificate is given",
      "--clientcas has no effect without --mtls",
    ]);
  });
});

describe("files of TLS", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "tls-files-"));
  });
  after(() => rm(folder, { recursive: true }));

  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };

  test("a pair is read with the end of every certificate in it", async () => {
    const authority = await Authority.make({ untilDays: 400 });
    const { cert, key } = await authority.give({ untilDays: 40 });
    const pair = await writePair(folder, "chain", { cert: cert + authority.credentials.cert, key });
    const read = await readPair(pair.certificate, pair.pkey);
    assert.equal(read.fingerprint, new X509Certificate(cert).fingerprint256);
    const days = read.validity.map(({ untilMs }) => Math.floor((untilMs - Date.now()) / DAY_MS));
    assert.deepEqual(days, [40, 400]);
    assert.equal(read.isKeyExposed, false);
    await chmod(pair.pkey, 0o644);
    assert.equal((await readPair(pair.certificate, pair.pkey)).isKeyExposed, true);
  });

  test("whatever cannot be used is refused with what to do, and no word of the key", async () => {
    const [one, other] = await Promise.all([selfSigned(), selfSigned()]);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const encrypted = privateKey
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
      .toString();
    const authority = await Authority.make();
    const given = await authority.give();
    const cert = await file("cert.pem", one.cert);
    const key = await file("key.pem", one.key);
    const cases: [certificate: string, key: string, message: RegExp, hint: RegExp][] = [
      [join(folder, "missing.pem"), key, /cannot be read: ENOENT/, /--certificate/],
      [cert, join(folder, "missing.pem"), /cannot be read: ENOENT/, /--pkey/],
      [key, key, /holds no certificate/, /BEGIN CERTIFICATE/],
      [await file("broken.pem", one.cert.replace(/M[A-Z]/, "!!")), key, /cannot be read/, /from the authority/],
      [cert, cert, /holds no private key/, /BEGIN PRIVATE KEY/],
      [cert, await file("broken-key.pem", one.key.slice(0, 90)), /holds no private key/, /--pkey/],
      [cert, await file("encrypted.pem", encrypted), /is encrypted/, /openssl pkey/],
      [cert, await file("other.pem", other.key), /does not belong/, /made together/],
      [
        await file("upside-down.pem", authority.credentials.cert + given.cert),
        await file("given.pem", given.key),
        /does not belong/,
        /must begin with the server's own/,
      ],
    ];
    for (const [certificatePath, keyPath, message, hint] of cases) {
      const error = await refusal(() => readPair(certificatePath, keyPath));
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /MI[A-Z]/);
    }
    assert.match((await refusal(() => readAuthorities(key))).hint, /--clientcas/);
  });

  test("a key that TLS finds too weak is refused", async () => {
    const weak = await selfSigned({ rsaBits: 1024 });
    const pair = await writePair(folder, "weak", weak);
    assert.match((await refusal(() => readPair(pair.certificate, pair.pkey))).hint, /2048 bits/);
  });

  test("the end of a certificate is told of in its last thirty days, and afterwards", () => {
    const nowMs = Date.parse("2031-05-01T00:00:00Z");
    const told = (fromDays: number, untilDays: number): string[] =>
      validityWarnings([{ name: "it", fromMs: nowMs + fromDays * DAY_MS, untilMs: nowMs + untilDays * DAY_MS }], nowMs);
    assert.deepEqual(told(-1, 31), []);
    assert.deepEqual(told(-1, 30), ["it expires in 30 days, at 2031-05-31T00:00:00.000Z"]);
    assert.deepEqual(told(-9, -2), ["it expired at 2031-04-29T00:00:00.000Z: clients refuse it"]);
    assert.deepEqual(told(1, 90), ["it is not valid before 2031-05-02T00:00:00.000Z: clients refuse it"]);
  });
});

describe("--auto-cert", () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "auto-cert-"));
  });
  after(() => rm(home, { recursive: true }));

  test("makes a pair for this machine, the key for its user alone, and uses it again", async () => {
    const paths = autoCertPaths(home);
    assert.equal(paths.certificate, join(home, "immudb", "ssl", "immudb-cert.pem"));
    assert.equal(await ensurePair(paths, Date.now()), true);
    assert.equal((await stat(paths.privateKey)).mode & 0o777, 0o600);
    const own = new X509Certificate(await readFile(paths.certificate));
    for (const name of ["localhost", hostname()]) assert.ok(own.checkHost(name), name);
    for (const address of ["127.0.0.1", "::1", "0.0.0.0"]) assert.ok(own.checkIP(address), address);
    const [validity] = (await readPair(paths.certificate, paths.privateKey)).validity;
    assert.equal(Math.round(((validity?.untilMs ?? 0) - Date.now()) / DAY_MS), 365);
    assert.equal(await ensurePair(paths, Date.now()), false);
    assert.deepEqual((await readdir(join(home, "immudb", "ssl"))).sort(), ["immudb-cert.pem", "immudb-key.pem"]);
  });

  test("makes a certificate for the same key within thirty days of its end", async () => {
    const paths = autoCertPaths(home);
    const [key, cert] = [await readFile(paths.privateKey, "utf8"), await readFile(paths.certificate, "utf8")];
    assert.equal(await ensurePair(paths, Date.now() + 334 * DAY_MS), false);
    assert.equal(await ensurePair(paths, Date.now() + 336 * DAY_MS), true);
    assert.equal(await readFile(paths.privateKey, "utf8"), key);
    assert.notEqual(await readFile(paths.certificate, "utf8"), cert);
    const [validity] = (await readPair(paths.certificate, paths.privateKey)).validity;
    assert.equal(Math.round(((validity?.untilMs ?? 0) - Date.now()) / DAY_MS), 336 + 365);
  });

  test("goes on with an RSA pair that was there before", async () => {
    const paths = autoCertPaths(join(home, "rsa"));
    await mkdir(dirname(paths.privateKey), { recursive: true });
    const { cert, key } = await selfSigned({ rsaBits: 2048, untilDays: 20 });
    await Promise.all([writeFile(paths.certificate, cert), writeFile(paths.privateKey, key)]);
    assert.equal(await ensurePair(paths, Date.now()), true);
    assert.equal((await readPair(paths.certificate, paths.privateKey)).privateKey, key);
    assert.equal(await ensurePair(paths, Date.now()), false);
  });

  test("servers that start at the same time end with one pair that fits together", async () => {
    for (let round = 0; round < 5; round++) {
      const paths = autoCertPaths(join(home, `round-${round}`));
      await Promise.all(Array.from({ length: 4 }, () => ensurePair(paths, Date.now())));
      await readPair(paths.certificate, paths.privateKey);
    }
  });

  test("a pair that does not fit together is left alone, with what to do", async () => {
    const paths = autoCertPaths(join(home, "foreign"));
    await ensurePair(paths, Date.now());
    const { cert } = await selfSigned();
    await writeFile(paths.certificate, cert);
    const error = await refusal(() => ensurePair(paths, Date.now()));
    assert.match(error.message, /does not belong/);
    assert.match(error.hint, /remove .*immudb-cert.pem/);
    assert.equal(await readFile(paths.certificate, "utf8"), cert);
  });
});
