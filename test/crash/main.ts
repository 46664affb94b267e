// `npm run crash -- --rounds 50 --seed 7`: kills a real server again and again, and looks for anything that it promised and
// does not have. What the seed decides is what is written and how long it waits; when exactly a kill hits, the machine does.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { isDelicate, type Kill, type RoundReport, runRounds } from "./rounds.ts";

/** Of all kills, those into index batches, openings, truncations and verifications; asked of runs long enough for shares. */
const DELICATE_SHARE_MIN = 0.3;
const ROUNDS_FOR_SHARE = 20;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string" },
    "load-ms": { type: "string", default: "1500" },
  },
});
const rounds = positive("rounds", values.rounds);
const seed = positive("seed", values.seed ?? String(randomInt(1, 2 ** 32)));
const loadMs = positive("load-ms", values["load-ms"]);

console.log(`${rounds} rounds, seed ${seed}: 8 clients that verify and 4 that do not`);
const began = performance.now();
const reports = await runRounds({ rounds, seed, loadMs, onRound: (report) => console.log(describe(report)) });
const failed = reports.filter(({ findings }) => findings.length > 0).length;
console.log(summary(reports, failed === 0, (performance.now() - began) / 1000));
console.log(`${rounds - failed} passed, ${failed} failed`);
const kills = reports.flatMap((report) => report.kills);
const share = kills.filter(isDelicate).length / kills.length;
if (rounds >= ROUNDS_FOR_SHARE && share < DELICATE_SHARE_MIN) {
  console.log(`FAILED: only ${percent(share)} of the kills fell where they should`);
  process.exitCode = 1;
}
if (failed > 0) process.exitCode = 1;

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0 && value <= 2 ** 32) return value;
  console.error(`--${name} is a number from 1 on`);
  process.exit(2);
}

function describe({ round, loadMs, kills, judgement, statesProven, findings, directory }: RoundReport): string {
  const { acknowledged, entries, refused, unanswered, foundComplete } = judgement;
  const line =
    `round ${round}: ${acknowledged} acknowledged (${entries} entries) in ${loadMs.toFixed(0)} ms, ${refused} refused, ` +
    `${unanswered} unanswered, ${foundComplete} of them found complete; ${statesProven} states proven; ` +
    `killed: ${kills.map(describeKill).join(", ")}`;
  if (findings.length === 0) return line;
  const shown = findings.slice(0, 10).map((finding) => `\n  FAILED: ${finding}`);
  return `${line}${shown.join("")}\n  ${findings.length} findings; the data is left in ${directory}`;
}

function describeKill({ moment, indexBehind }: Kill): string {
  return indexBehind > 0 ? `${moment} with the index ${indexBehind} behind` : moment;
}

/** `kept`: no round had a finding, so that it can be said what became of the writes. */
function summary(reports: readonly RoundReport[], kept: boolean, seconds: number): string {
  const sum = (of: (report: RoundReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const kills = reports.flatMap((report) => report.kills);
  const at = (moment: Kill["moment"]): number => kills.filter((kill) => kill.moment === moment).length;
  const delicate = kills.filter(isDelicate).length;
  const and = (what: string): string => (kept ? what : "");
  return [
    "",
    `acknowledged writes          ${sum(({ judgement }) => judgement.acknowledged)}, of ${sum(({ judgement }) => judgement.entries)} entries${and("; all read back")}`,
    `refused                      ${sum(({ judgement }) => judgement.refused)}${and(", none of them there")}`,
    `unanswered                   ${sum(({ judgement }) => judgement.unanswered)}, found complete: ${sum(({ judgement }) => judgement.foundComplete)}${and(", the others not at all")}`,
    `states proven                ${sum(({ statesProven }) => statesProven)}`,
    `kills                        ${kills.length}`,
    `  while a commit was under way ${at("commit under way")}`,
    `  idle                         ${at("idle")}`,
    `  during start                 ${at("during start")}`,
    `  while the index lagged       ${kills.filter(({ indexBehind }) => indexBehind > 0).length} of these`,
    `  of a store alone: open       ${at("open")}`,
    `    index batch                ${at("index batch")}`,
    `    truncation                 ${at("truncation")}`,
    `    verify                     ${at("verify")}`,
    `    writing                    ${at("writing")}`,
    `  in an index batch, opening, truncation or verification ${delicate} (${percent(delicate / kills.length)})`,
    `seconds                      ${seconds.toFixed(0)}`,
  ].join("\n");
}
