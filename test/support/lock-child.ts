// Takes the lock of a directory (its argument), says "held" or the code of the refusal, and stays until it is killed or its
// input ends.

import { writeSync } from "node:fs";
import { systemRandom } from "../../src/base/random.ts";
import { DirectoryLock } from "../../src/store/directory-lock.ts";

try {
  await DirectoryLock.acquire(process.argv[2] as string, systemRandom);
  writeSync(1, "held");
} catch (error) {
  writeSync(1, String((error as { code?: unknown }).code));
}
process.stdin.resume();
