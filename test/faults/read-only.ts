// The file system turns read-only under a serving server, as ext4 does when it finds an error: an ext4 in a file, mounted with
// errors=remount-ro, is told that it has one. (A plain remount is refused by the kernel while files are open for writing.)
//
//   writes ──▶ error ──▶ writes refused for certain, reads with proofs go on ──▶ checked, mounted again, started ──▶ goes on

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { ServerProcess } from "../../scripts/server-process.ts";
import { inScratch, type Scratch } from "./mounts.ts";
import { type Fault, type Outcome, Unavailable } from "./outcome.ts";
import { ServerUser } from "./server-user.ts";

const IMAGE_BYTES = 96 << 20;
const WRITES = 20;
/** Exit code of fsck when it has corrected something. */
const CORRECTED = 1;

export const readOnly: Fault = {
  name: "read-only",
  run: () => inScratch(async (scratch) => [await turnReadOnly(scratch)]),
};

async function turnReadOnly(scratch: Scratch): Promise<Outcome> {
  const [image, point] = [scratch.path("disk.img"), scratch.path("disk")];
  mkdirSync(point);
  scratch.makeExt4(image, IMAGE_BYTES);
  const device = scratch.mountImage(image, point);
  const directory = scratch.path("disk", "data");
  const user = new ServerUser();
  const { findings } = user;
  let server = new ServerProcess(directory);
  try {
    await user.connect(await server.serving);
    await user.writeTimes(WRITES);
    const before = user.acknowledged;
    reportError(device);
    await user.writeTimes(WRITES);
    if (user.acknowledged > before) findings.push("a write was acknowledged on a read-only file system");
    await user.readSome(WRITES);
    // It cannot remove its marker any more: that it ends is all that can be asked.
    await server.stop().catch(() => undefined);

    const began = performance.now();
    await scratch.unmount(point);
    const { status, stdout } = spawnSync("e2fsck", ["-p", "-f", image], { encoding: "utf8" });
    if (status !== 0 && status !== CORRECTED) findings.push(`e2fsck ended with ${status}: ${stdout}`);
    scratch.mountImage(image, point);
    server = new ServerProcess(directory);
    await user.connect(await server.serving);
    const recoveryMs = performance.now() - began;
    const { lost } = await user.readBack();
    if (!(await user.write())) findings.push("no write is taken after recovery");
    await server.stop();
    const { acknowledged, refused, unknown } = user;
    const counts = { rounds: 1, acknowledged, lost, refused, unknown, recoveryMs };
    const remarks = [...user.refusals].join("; ");
    return {
      fault: "the file system turns read-only",
      how: "error reported to a loop-mounted ext4",
      ...counts,
      remarks,
      findings,
    };
  } finally {
    user.disconnect();
    await server.kill();
  }
}

function reportError(device: string): void {
  try {
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, "1");
  } catch (error) {
    throw new Unavailable(`ext4 cannot be told of an error: ${(error as Error).message}`);
  }
}
