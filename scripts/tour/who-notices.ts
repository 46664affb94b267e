// After one byte of one live value was changed: every way to read that value must fail, and say what is damaged, in which
// transaction, of which database and key. Everything else must read and verify as before.

import { Code, ConnectError } from "@connectrpc/connect";
import { utf8ToString } from "../../src/base/bytes.ts";
import type { ImmuClient } from "../../src/client/client.ts";
import type { Entry } from "../../src/proof/model.ts";
import { verifyAll, type Written } from "./load.ts";
import type { Progress } from "./progress.ts";

/** A way to read, and what the server answered. */
export interface Refused {
  readonly read: string;
  readonly answer: string;
}

export interface Noticed {
  /** Reads that depend on the value, and how each failed. */
  readonly refused: readonly Refused[];
  /** Other records that were read with proof. */
  readonly verified: number;
  /** What is not as it should be, one sentence each. */
  readonly wrong: readonly string[];
}

const ROWS_PER_SCAN = 1000n;

/** `victim` was recorded twice; `others` are all other records of the database, in order of their keys. */
export async function whoNotices(
  clients: readonly ImmuClient[],
  victim: Written,
  others: readonly Written[],
  progress: Progress,
): Promise<Noticed> {
  const client = clients[0] as ImmuClient;
  const dependent = await readDependent(client, victim, others[0] as Written);
  const wrong = [
    ...dependent.wrong,
    ...(await checkVictim(client, victim)),
    ...(await checkScans(client, victim, others)),
    ...(await checkHistories(client, others)),
    ...(await verifyAll(clients, others, progress)),
  ];
  return { refused: dependent.refused, verified: others.length, wrong };
}

/** Every read that returns the damaged value. */
async function readDependent(
  client: ImmuClient,
  victim: Written,
  other: Written,
): Promise<{ readonly refused: Refused[]; readonly wrong: string[] }> {
  const { key, txId } = victim;
  const reads: Readonly<Record<string, () => Promise<unknown>>> = {
    get: () => client.get(key),
    "get at its transaction": () => client.get(key, { atTx: txId }),
    "get at its revision": () => client.get(key, { atRevision: 2n }),
    getAll: () => client.getAll([other.key, key]),
    scan: () => client.scan({ prefix: key }),
    "scan of the keys around it": () => client.scan({ seekKey: key, inclusiveSeek: true, desc: true, limit: 10n }),
    history: () => client.history(key),
    verifiableGet: () => client.verifiedGet(key),
  };
  const refused: Refused[] = [];
  const wrong: string[] = [];
  for (const [read, call] of Object.entries(reads)) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const answer = error instanceof ConnectError ? error.rawMessage : String(error);
    if (isNamedDamage(error, victim)) refused.push({ read, answer });
    else wrong.push(`${read} of ${key} should say that it is damaged; ${error === undefined ? "it answers" : answer}`);
  }
  return { refused, wrong };
}

function isNamedDamage(error: unknown, { key, txId }: Written): boolean {
  if (!(error instanceof ConnectError) || error.code !== Code.DataLoss) return false;
  const names = ["damaged", "database defaultdb", `transaction ${txId} `, `key '${key}'`];
  return names.every((name) => error.rawMessage.includes(name));
}

/** What of the victim does not depend on the damaged value: its earlier revision, and the proof of its transaction. */
async function checkVictim(client: ImmuClient, { key, txId, firstValue }: Written): Promise<string[]> {
  const earlier = await client.get(key, { atRevision: 1n });
  await client.verifiedTxById(txId);
  return utf8ToString(earlier.value) === firstValue ? [] : [`the first revision of ${key} has another value`];
}

/** The histories of the other records that were recorded twice. */
async function checkHistories(client: ImmuClient, others: readonly Written[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { key, value, firstValue } of others) {
    if (firstValue === undefined) continue;
    const values = (await client.history(key)).map((entry) => utf8ToString(entry.value));
    if (values.length !== 2 || values[0] !== firstValue || values[1] !== value) {
      wrong.push(`the history of ${key} is not what was written`);
    }
  }
  return wrong;
}

/** Scans from the first key to the victim, and from there to the last: together that is everything else. */
async function checkScans(client: ImmuClient, victim: Written, others: readonly Written[]): Promise<string[]> {
  const before = others.filter(({ key }) => compareKeys(key, victim.key) < 0);
  const after = others.filter(({ key }) => compareKeys(key, victim.key) > 0);
  return [
    ...compare(before, await scanAll(client, { endKey: victim.key })),
    ...compare(after, await scanAll(client, { seekKey: victim.key })),
  ];
}

async function scanAll(
  client: ImmuClient,
  bounds: { readonly seekKey?: string; readonly endKey?: string },
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let { seekKey = "" } = bounds; ; ) {
    const page = await client.scan({ ...bounds, seekKey, limit: ROWS_PER_SCAN });
    entries.push(...page);
    const last = page.at(-1);
    if (last === undefined) return entries;
    seekKey = utf8ToString(last.key);
  }
}

function compare(expected: readonly Written[], scanned: readonly Entry[]): string[] {
  if (expected.length !== scanned.length) return [`a scan finds ${scanned.length} records of ${expected.length}`];
  return expected.flatMap(({ key, value }, i) => {
    const entry = scanned[i] as Entry;
    return utf8ToString(entry.key) === key && utf8ToString(entry.value) === value
      ? []
      : [`a scan finds another value or place of ${key}`];
  });
}

/** The order of keys in the database, which is that of their bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
