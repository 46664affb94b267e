// What chance decides before a conversation begins: the requests, how they are to be answered, and the manners of the client.

import type { Field } from "../support/hpack-writer.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { Manners, Request } from "./http2-client.ts";
import { pattern, STYLES } from "./http2-handler.ts";

const INITIAL_WINDOWS = [0, 1, 1000, 65_535, 65_535, 1_000_000, 10_000_000];
const REQUESTS_MAX = 50;
/** Fields that a request may have or not. */
const EXTRAS: readonly Field[] = [
  ["te", "trailers"],
  ["content-type", "application/grpc"],
  ["user-agent", "grpc-node-js/1.14.7"],
  ["grpc-timeout", "1000m"],
  ["cookie", "a=1"],
  ["cookie", "b=2"],
  ["accept", ""],
  ["x-latin", "\u00e4\u00ff"],
];
/** Fields that no request may have. */
const FORBIDDEN: readonly Field[] = [
  ["X-Upper", "a"],
  ["connection", "close"],
  ["te", "gzip"],
  ["x-space", " a"],
  ["x-line", "a\r\nb"],
  [":status", "200"],
  [":path", "/again"],
  ["host", "elsewhere"],
  ["content-length", "nine"],
  ["", "no name"],
];

export function choosePlan(random: SeededRandom, isMutated: boolean): { manners: Manners; requests: Request[] } {
  if (random.chance(0.1)) return chooseHoard(random, isMutated);
  const count = 1 + random.below(random.chance(0.3) ? REQUESTS_MAX : 8);
  const manners: Manners = {
    initialWindow: INITIAL_WINDOWS[random.below(INITIAL_WINDOWS.length)] as number,
    connectionGrant: random.chance(0.3) ? 1 + random.below(2 ** 28) : 0,
    grants: random.next(),
    pauses: random.chance(0.3) ? 0.1 : 0,
    pauseTurns: random.chance(0.5) ? 50 : 1000,
    controls: random.chance(0.5) ? 0.05 : 0,
    flushes: random.chance(0.5) ? 1 : random.next(),
    streams: 1 + random.below(40),
  };
  return { manners, requests: Array.from({ length: count }, (_, i) => chooseRequest(random, i, isMutated)) };
}

/** Long and short replies, windows that let all of them come at once, and a client that does not read them for a while. */
function chooseHoard(random: SeededRandom, isMutated: boolean): { manners: Manners; requests: Request[] } {
  const windows = { initialWindow: 10_000_000, connectionGrant: 2 ** 28, grants: 0.1 };
  const manners = { ...windows, pauses: 0.2, pauseTurns: 1000, controls: 0.2, flushes: 1, streams: 40 };
  const requests = Array.from({ length: 10 + random.below(30) }, (_, i): Request => {
    const request = chooseRequest(random, i, isMutated);
    if (!random.chance(0.5)) return request;
    const big = { ...request, style: "big", size: random.below(300_000) } as const;
    return { ...big, fields: fieldsOf(big, i, []) };
  });
  return { manners, requests };
}

/** What is asked on a connection that has to last: a short request with a plain answer, and one that is given up. */
export function lastingRequests(random: SeededRandom): Request[] {
  const plain = { style: "whole", size: 0, late: 0, trailers: false, statesLength: true } as const;
  const asked = { ...plain, body: someBody(random, random.below(300)), givesUpAfter: undefined };
  const givenUp = { ...plain, late: 20, body: someBody(random, 20_000), givesUpAfter: 1 + random.below(3) };
  return [givenUp, asked].map((request, i) => ({ ...request, fields: fieldsOf(request, i, []) }));
}

function chooseRequest(random: SeededRandom, number: number, isMutated: boolean): Request {
  const request = {
    style: STYLES[random.below(STYLES.length)] ?? "whole",
    size: chooseSize(random),
    late: random.chance(0.5) ? 0 : random.below(20),
    body: random.chance(0.2) ? new Uint8Array(0) : someBody(random, chooseSize(random)),
    trailers: random.chance(0.2),
    statesLength: random.chance(0.2),
    givesUpAfter: random.chance(0.1) ? random.below(4) : undefined,
  };
  const extras = EXTRAS.filter(() => random.chance(0.4));
  if (random.chance(0.05)) extras.push(["x-long", "v".repeat(random.below(30_000))]);
  if (isMutated && random.chance(0.1)) extras.push(FORBIDDEN[random.below(FORBIDDEN.length)] as Field);
  const fields = fieldsOf(request, number, extras);
  if (isMutated && random.chance(0.05)) fields.splice(random.below(fields.length), 1);
  return { ...request, fields };
}

function fieldsOf(request: Omit<Request, "fields">, number: number, extras: readonly Field[]): Field[] {
  const { style, size, late, body, statesLength, givesUpAfter } = request;
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", `/fuzz/${style}`],
    [":authority", "localhost"],
    ["x-style", style],
    ["x-size", String(size)],
    ["x-late", String(late)],
    ["x-id", String(number)],
    ...(statesLength && givesUpAfter === undefined ? [["content-length", String(body.length)] as const] : []),
    ...extras,
  ];
}

/** Mostly small, seldom larger than every window. */
function chooseSize(random: SeededRandom): number {
  const kind = random.below(20);
  if (kind === 0) return random.below(300_000);
  if (kind < 4) return random.below(40_000);
  return random.below(500);
}

function someBody(random: SeededRandom, size: number): Uint8Array {
  return pattern(size, random.below(500_000));
}
