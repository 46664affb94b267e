// A line of the log for people, as the original writes it, with the fields at its end:
//
//   immudb 2026/11/24 13:15:48 INFO: serving address=127.0.0.1 port=3322
//
// One line for one event, whatever its texts hold, so that nobody can write lines of his own into the log; only the places of a
// stack follow on lines of their own.

import { styleText } from "node:util";
import type { LogLevel } from "./config.ts";

export type Fields = Readonly<Record<string, unknown>>;

const WORDS: Readonly<Record<LogLevel, string>> = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" };
const COLORS = { debug: "gray", info: "green", warn: "yellow", error: "red" } as const;
const PLAIN = /^[\w.:@/+,-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what may not get through.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** With its line break. */
export function textLine(time: Date, level: LogLevel, fields: Fields, message: string, colored: boolean): string {
  const word = colored ? styleText(COLORS[level], WORDS[level], { validateStream: false }) : WORDS[level];
  const start = `immudb ${timeOf(time)} ${word}: ${message.replaceAll(CONTROL, escaped)}`;
  const [ends, stacks]: [string[], string[]] = [[], []];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    ends.push(` ${name}=${written(value)}`);
    if (value instanceof Error) stacks.push(...placesOf(value));
  }
  return `${start}${ends.join("")}\n${stacks.map((place) => `${place}\n`).join("")}`;
}

/** Local time. */
function timeOf(time: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${time.getFullYear()}/${two(time.getMonth() + 1)}/${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

function written(value: unknown): string {
  if (typeof value === "string") return PLAIN.test(value) ? value : quoted(value);
  if (value instanceof Error) return quoted(value.message);
  if (typeof value === "object" && value !== null) return quoted(value);
  return String(value);
}

function quoted(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  return text.replaceAll(CONTROL, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Where it happened, without the message, which has been said. */
function placesOf({ stack = "" }: Error): string[] {
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.replaceAll(CONTROL, escaped));
}
