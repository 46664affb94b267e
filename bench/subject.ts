// The server that is measured: one of its own, in a process and a directory of its own, or one that runs already.

import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../scripts/server-process.ts";

export interface SubjectOptions {
  /** `host:port` of a server that runs already; undefined: one is started. */
  readonly address?: string | undefined;
  /** Its process, if it is on this machine. */
  readonly pid?: number | undefined;
  /** What to start; the sources unless given. */
  readonly program?: string | undefined;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Subject {
  readonly address: string;
  readonly pid: number | undefined;
  /** Bytes of the files of its data directory; undefined when that is not ours. */
  diskBytes(): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Starts a server on a fresh directory, or takes the one that was named. Stopping it removes what was made. */
export async function startSubject(options: SubjectOptions): Promise<Subject> {
  const { address, pid } = options;
  if (address !== undefined) return { address, pid, diskBytes: async () => undefined, stop: async () => {} };
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const server = startIn(directory, options);
    return {
      address: await server.serving,
      pid: server.pid,
      diskBytes: () => bytesBelow(directory),
      stop: async () => {
        await server.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

export function startIn(directory: string, { program, flags, env }: SubjectOptions): ServerProcess {
  return new ServerProcess({ directory, ...(program !== undefined && { program }), ...(env && { env }) }, ...flags);
}

/** What the files of a directory take on the disk. */
export async function bytesBelow(directory: string): Promise<number> {
  const blockBytes = 512;
  const names = await readdir(directory, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(directory, name))));
  return stats.reduce((sum, file) => sum + (file.isFile() ? file.blocks * blockBytes : 0), 0);
}
