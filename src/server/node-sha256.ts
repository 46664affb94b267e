// SHA-256 by node:crypto for the proof room: a quarter of the portable implementation's time on the short inputs that
// trees are made of. Through a latin1 string, because crossing from native code as a Buffer costs more than the hash.

import { hash } from "node:crypto";
import { DIGEST_LENGTH, type Sha256, setSha256 } from "../proof/sha256.ts";

const scratch = Buffer.alloc(DIGEST_LENGTH);

export const nodeSha256: Sha256 = (data) => {
  scratch.write(hash("sha256", data, "binary"), "latin1");
  return new Uint8Array(scratch);
};

/** Makes the whole process hash with it. */
export function useNodeSha256(): void {
  setSha256(nodeSha256);
}
