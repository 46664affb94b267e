// The server's signing key: ECDSA P-256 over the payload of a state (wire spec §10).

import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { concat, fromBase64 } from "../base/bytes.ts";
import type { Signature, State } from "../proof/model.ts";
import { statePayload } from "../proof/signed-state.ts";
import { StartError } from "./errors.ts";

type Sign = (state: Omit<State, "signature">) => Signature;

/** The key that states are signed with; it can be read again. */
export class SigningKey {
  /** Signs with the key that was read last. */
  readonly sign: Sign = (state) => this.#sign(state);
  readonly #path: string;
  #sign: Sign;

  private constructor(path: string, sign: Sign) {
    this.#path = path;
    this.#sign = sign;
  }

  /** Throws StartError. */
  static async open(path: string): Promise<SigningKey> {
    return new SigningKey(path, await loadStateSigner(path));
  }

  /** Reads the file again. Throws StartError; then nothing has changed. */
  async reload(): Promise<void> {
    this.#sign = await loadStateSigner(this.#path);
  }
}

const UNCOMPRESSED_POINT = Uint8Array.of(4);

/** Reads a P-256 private key in PEM form (SEC 1 or PKCS #8) and returns what signs with it. Throws StartError. */
export async function loadStateSigner(path: string): Promise<Sign> {
  const key = await readKey(path);
  const { x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  const publicKey = concat(UNCOMPRESSED_POINT, fromBase64Url(x), fromBase64Url(y));
  return (state) => ({ publicKey, signature: new Uint8Array(sign("sha256", statePayload(state), key)) });
}

async function readKey(path: string): Promise<KeyObject> {
  const hint =
    "give --signingKey a P-256 private key in PEM form, as `openssl ecparam -name prime256v1 -genkey -noout` writes it";
  let key: KeyObject;
  try {
    key = createPrivateKey(await readFile(path));
  } catch (cause) {
    throw new StartError(`the signing key ${path} cannot be read: ${(cause as Error).message}`, hint, cause);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new StartError(`the signing key ${path} is not a P-256 key`, hint);
  }
  return key;
}

function fromBase64Url(text: string): Uint8Array {
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}
