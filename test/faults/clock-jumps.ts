// The clock is set ten days on, and back, and further back, under a serving server: libfaketime tells the process another
// time, read from a file again and again. Times of transactions never go back, every call has an answer, and a session is
// either still good or refused so that a new one can be opened.

import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { ServerProcess } from "../../scripts/server-process.ts";
import { type Fault, type Outcome, Unavailable } from "./outcome.ts";
import { ServerUser } from "./server-user.ts";

const LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1";
/** Offsets to the true time, one after the other; the server is started again before the last one. */
const JUMPS = ["+0d", "+10d", "-10d", "+0d"];
const AFTER_RESTART = "-10d";
const WRITES = 5;

export const clockJumps: Fault = {
  name: "clock-jumps",
  async run() {
    const [library] = globSync(LIBRARY);
    if (library === undefined) throw new Unavailable("no libfaketime (Debian: faketime)", "installable");
    const directory = await mkdtemp(join(tmpdir(), "clock-"));
    try {
      return [await jump(directory, library)];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function jump(directory: string, library: string): Promise<Outcome> {
  const offset = join(directory, "offset");
  await writeFile(offset, JUMPS[0] as string);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: offset,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
  const place = { directory: join(directory, "data"), env };
  const user = new ServerUser();
  let newSessions = 0;
  const writeAnyhow = async (address: string): Promise<void> => {
    for (let i = 0; i < WRITES; i++) {
      if (await user.write()) continue;
      newSessions++;
      await user.connect(address);
      if (!(await user.write())) user.findings.push("a new session cannot write");
    }
  };
  let server = new ServerProcess(place);
  try {
    let address = await server.serving;
    await user.connect(address);
    for (const to of JUMPS) {
      await writeFile(offset, to);
      await writeAnyhow(address);
    }
    await server.stop();

    await writeFile(offset, AFTER_RESTART);
    const began = performance.now();
    server = new ServerProcess(place);
    address = await server.serving;
    await user.connect(address);
    const recoveryMs = performance.now() - began;
    await writeAnyhow(address);
    await requireFaked(user);
    const { lost } = await user.readBack();
    await server.stop();
    const { acknowledged, refused, unknown, findings } = user;
    const remarks = `${newSessions} new sessions; ${[...user.refusals].join("; ")}`;
    const how = `libfaketime: ${[...JUMPS, `restart at ${AFTER_RESTART}`].join(", ")}`;
    const counts = { rounds: JUMPS.length + 1, acknowledged, lost, refused, unknown, recoveryMs };
    return { fault: "the clock jumps", how, ...counts, remarks, findings };
  } catch (error) {
    if (error instanceof ConnectError) user.findings.push(error.message);
    throw error;
  } finally {
    user.disconnect();
    await server.kill();
  }
}

/** The ledger was ten days ahead once, so its time must be now, though the clock is long behind it. */
async function requireFaked({ client, findings }: ServerUser): Promise<void> {
  const { header } = await client.verifiedSet("last", "of all");
  const daysAhead = (Number(header.ts) - Date.now() / 1000) / 86_400;
  if (daysAhead < 9.9) findings.push(`the last transaction is ${daysAhead.toFixed(1)} days ahead, not 10`);
}
