import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ProofError } from "../../../src/proof/errors.ts";
import { parsePublicKey, verifyStateSignature } from "../../../src/proof/signed-state.ts";
import { StartError } from "../../../src/server/errors.ts";
import { loadStateSigner } from "../../../src/server/state-signer.ts";

describe("the signing key", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "signer-"));
  });
  after(() => rm(directory, { recursive: true }));

  const fileWith = async (content: string | Buffer): Promise<string> => {
    const path = join(directory, "key.pem");
    await writeFile(path, content);
    return path;
  };
  const state = { db: "defaultdb", txId: 7n, txHash: new Uint8Array(32).fill(3) };

  for (const type of ["sec1", "pkcs8"] as const) {
    test(`signs what the verifier accepts, from a ${type} file`, async () => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const sign = await loadStateSigner(await fileWith(privateKey.export({ type, format: "pem" })));
      const configured = parsePublicKey(publicKey.export({ type: "spki", format: "pem" }).toString());
      const signature = sign(state);
      assert.deepEqual(signature.publicKey, configured);
      verifyStateSignature({ ...state, signature }, configured);
      assert.throws(() => verifyStateSignature({ ...state, txId: 8n, signature }, configured), ProofError);
    });
  }

  test("a file that is missing, no key, or a key of another curve is refused with what to do", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    for (const path of [
      join(directory, "missing.pem"),
      await fileWith("not a key"),
      await fileWith(privateKey.export({ type: "sec1", format: "pem" })),
      await fileWith(rsa.export({ type: "pkcs8", format: "pem" })),
    ]) {
      const error = await loadStateSigner(path).then(
        () => assert.fail("accepted"),
        (e) => e,
      );
      assert.ok(error instanceof StartError);
      assert.match(error.hint, /P-256/);
    }
  });
});
