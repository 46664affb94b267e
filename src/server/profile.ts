// A profile of where the processor's time goes in the running server, as V8 takes it: JSON for Chrome's developer tools, VS Code
// or speedscope, under the name x.cpuprofile. It names functions and source lines, and no data.

let isTaking = false;

/** The profile of the next `ms` milliseconds; undefined when one is being taken already. */
export async function processorProfile(ms: number): Promise<string | undefined> {
  if (isTaking) return undefined;
  isTaking = true;
  try {
    const { Session } = await import("node:inspector/promises");
    const session = new Session();
    session.connect();
    try {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
      await new Promise((resolve) => setTimeout(resolve, ms).unref());
      return JSON.stringify((await session.post("Profiler.stop")).profile);
    } finally {
      session.disconnect();
    }
  } finally {
    isTaking = false;
  }
}
