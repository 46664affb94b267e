// SHA-256 by node:crypto for the proof room: a quarter of the portable implementation's time on the short inputs that
// trees are made of. Through a latin1 string, because crossing from native code as a Buffer costs more than the hash.

import { hash } from "node:crypto";
import { DIGEST_LENGTH, type Sha256, type Sha256Into, setSha256 } from "../proof/sha256.ts";

const scratch = Buffer.alloc(DIGEST_LENGTH);
const { latin1Write } = Buffer.prototype;

export const nodeSha256: Sha256 = (data) => {
  scratch.write(hash("sha256", data, "binary"), "latin1");
  return new Uint8Array(scratch);
};

export const nodeSha256Into: Sha256Into = (data, out, at) => {
  latin1Write.call(out, hash("sha256", data, "binary"), at, DIGEST_LENGTH);
};

/** Makes the whole process hash with it. */
export function useNodeSha256(): void {
  setSha256(nodeSha256, nodeSha256Into);
}
