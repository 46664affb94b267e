// The audit after a start: before clients go on, the ledgers are read back through the services, and everything that was
// promised is looked for.
//
//   every transaction    in order, its entries hash to its header, its values to its entries, its header continues the chain
//                        and commits to the history tree; time does not go back
//   the index            scan, count, history and get say of every key what a replay of the log says
//   every client         the server's state continues what the client trusts
//
// Of a database with damaged transactions only those may be missing, and must say so.

import { Code } from "@connectrpc/connect";
import { ImmuService } from "../../gen/immudb/schema/service_pb.ts";
import { EntryTypeAction, type Tx as WireTx } from "../../gen/immudb/schema/tx_pb.ts";
import { EMPTY, equalBytes, toHex } from "../../src/base/bytes.ts";
import { entriesRoot } from "../../src/proof/entries-tree.ts";
import { entryDigest } from "../../src/proof/entry-digest.ts";
import { completedNodes, historyRoot, leafHash } from "../../src/proof/history-tree.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { alh, EMPTY_ALH, ZERO_DIGEST } from "../../src/proof/tx-header.ts";
import { nodeSha256 } from "../../src/server/node-sha256.ts";
import { CallFailure } from "../../src/services/error-table.ts";
import { isExpired } from "../../src/store/readable.ts";
import { txFromWire } from "../../src/wire/tx.ts";
import { ask } from "./ask.ts";
import type { KnownDatabase } from "./databases.ts";
import { digestOfEntries } from "./digests.ts";
import { printable, type StoredLedger, type StoredTx } from "./ledger.ts";
import { answerOf, type Question } from "./reference.ts";
import type { Call } from "./trusted.ts";
import type { SimulatedClock } from "./weather.ts";

const METHODS = ImmuService.method;
const DIGESTS = { kvEntriesSpec: { action: EntryTypeAction.ONLY_DIGEST } };
const RAW_VALUES = { kvEntriesSpec: { action: EntryTypeAction.RAW_VALUE } };

/** Audits the selected database and settles its ledger. Returns what is wrong, one sentence each. */
export async function audit(call: Call, { ledger, damage }: KnownDatabase, clock: SimulatedClock): Promise<string[]> {
  const findings = damage.isThere
    ? await compareLedger(call, ledger.stored, damage.txs, clock)
    : ledger.judge(await readLedger(call, clock));
  for (const question of wholeIndex(ledger.keys)) {
    const right = ledger.views(clock.now()).map((view) => answerOf(question, view));
    const given = await ask(call, question, ledger).catch(refusalOf);
    const mayBeDamaged = right.some(({ read }) => read.some((txId) => damage.txs.has(txId)));
    if (right.some(({ text }) => text === given) || (given === DAMAGED && mayBeDamaged)) continue;
    findings.push(
      `the index answers ${JSON.stringify(question, printable)} with ${given}, the log with ${right[0]?.text}`,
    );
  }
  return findings;
}

const DAMAGED = "damaged";
const TRUNCATED = "refused: value has been truncated";

function refusalOf(error: unknown): string {
  if (!(error instanceof CallFailure)) throw error;
  return error.code === Code.DataLoss ? DAMAGED : `refused: ${error.message}`;
}

/** Questions that say together what an index holds. */
function wholeIndex(keys: readonly string[]): Question[] {
  const all = { prefix: "", seekKey: "", endKey: "", inclusiveSeek: false, inclusiveEnd: false, offset: 0, limit: 0 };
  return [
    { kind: "count", prefix: "" },
    { kind: "scan", ...all, desc: false },
    ...keys.flatMap((key): Question[] => [
      { kind: "get", key, atTx: 0n, atRevision: 0n, sinceTx: 0n },
      { kind: "history", key, offset: 0, limit: 0, desc: false },
    ]),
  ];
}

/** All transactions of the selected database. Throws what is wrong with one. */
async function readLedger(call: Call, clock: SimulatedClock): Promise<StoredLedger> {
  const { txId } = await call(METHODS.currentState, {});
  if (txId === 0n) return { txs: [], truncatedBefore: 1n };
  const { txs } = await call(METHODS.txScan, { initialTx: 1n, entriesSpec: DIGESTS });
  const chain = new Chain();
  const stored = txs.map((tx) => chain.follow(tx));
  require(BigInt(stored.length) === txId, `${stored.length} transactions were listed, there are ${txId}`);
  let truncatedBefore = 1n;
  for (const { header, digest } of stored) {
    const read = await readTx(call, header.id, clock).catch(refusalOf);
    if (read === TRUNCATED) truncatedBefore = header.id + 1n;
    else
      require(typeof read !== "string" && read.digest === digest, `transaction ${header.id} is answered with ${read}`);
  }
  return { txs: stored, truncatedBefore };
}

/** Reads transactions that are known, some of which are damaged. */
async function compareLedger(
  call: Call,
  known: readonly StoredTx[],
  damaged: ReadonlySet<bigint>,
  clock: SimulatedClock,
): Promise<string[]> {
  const findings: string[] = [];
  for (const { header, digest } of known) {
    const read = await readTx(call, header.id, clock).catch(refusalOf);
    if (read === TRUNCATED || (read === DAMAGED && damaged.has(header.id))) continue;
    const isRight = typeof read !== "string" && equalBytes(alh(read.header), alh(header)) && read.digest === digest;
    if (!isRight)
      findings.push(`transaction ${header.id} is answered with ${typeof read === "string" ? read : "another one"}`);
  }
  return findings;
}

/** A transaction with all its values, which are those of its entries. Only what has expired may be left out. */
async function readTx(call: Call, tx: bigint, clock: SimulatedClock): Promise<StoredTx> {
  const { header, entries } = txFromWire(await call(METHODS.txById, { tx, entriesSpec: DIGESTS }));
  const read = txFromWire(await call(METHODS.txById, { tx, entriesSpec: RAW_VALUES })).entries;
  const values = new Map(read.map((entry) => [toHex(entry.key), entry]));
  for (const { key, metadata, hValue } of entries) {
    const found = values.get(toHex(key));
    if (found === undefined) {
      require(isExpired(metadata, clock.now()), `an entry of transaction ${tx} is left out`);
      continue;
    }
    const isIts = equalBytes(found.hValue, hValue) && equalBytes(nodeSha256(found.value ?? EMPTY), hValue);
    require(isIts, `a value of transaction ${tx} is not that of its entry`);
  }
  return { header, digest: digestOfEntries(entries) };
}

/** Holds transactions against each other, one after another. */
class Chain {
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #node = (level: number, index: number): Uint8Array => this.#nodes.get(`${level}/${index}`) as Uint8Array;
  #last: TxHeader | undefined;

  follow(wire: WireTx): StoredTx {
    const { header, entries } = txFromWire(wire);
    const id = (this.#last?.id ?? 0n) + 1n;
    require(header.id === id, `transaction ${header.id} comes after ${id - 1n}`);
    const prevAlh = this.#last === undefined ? EMPTY_ALH : alh(this.#last);
    require(equalBytes(header.prevAlh, prevAlh), `transaction ${id} does not continue the chain`);
    require(header.ts >= (this.#last?.ts ?? 0n), `time goes back in transaction ${id}`);
    const root = entriesRoot(entries.map((entry) => entryDigest(entry, header.version)));
    require(equalBytes(header.eh, root), `the entries of transaction ${id} are not those of its header`);
    const size = Number(header.blTxId);
    const history = size === 0 ? ZERO_DIGEST : historyRoot(size, this.#node);
    require(equalBytes(header.blRoot, history), `transaction ${id} does not commit to the history before it`);
    completedNodes(Number(id), leafHash(alh(header)), this.#node).forEach((node, level) => {
      this.#nodes.set(`${level}/${Number(id) / 2 ** level - 1}`, node);
    });
    this.#last = header;
    return { header, digest: digestOfEntries(entries) };
  }
}

function require(condition: boolean, finding: string): asserts condition {
  if (!condition) throw new Error(finding);
}
