// What a run has to say, for people.

import type { Report } from "./simulation.ts";

/** What was found, how to see it again, and what happened before. */
export function describeReport({ seed, findings, events, digest }: Report, ops: number): string {
  return [
    `FAILED  seed ${seed}`,
    ...findings.map((finding) => `  ${short(finding)}`),
    `again: npm run sim -- --seed ${seed} --ops ${ops}     (digest ${digest.slice(0, 16)})`,
    "the last events:",
    ...events.map((event) => `  ${short(event)}`),
  ].join("\n");
}

/** Long values are padded with one character. */
function short(text: string): string {
  return text.replaceAll(/~+/g, "~");
}
