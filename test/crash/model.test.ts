// The judge of the crash run, judged: a faithful server passes, and every way to break a promise is named.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "../../src/base/bytes.ts";
import type { TxHeader } from "../../src/proof/model.ts";
import { sha256 } from "../../src/proof/sha256.ts";
import { alh, EMPTY_ALH, ZERO_DIGEST } from "../../src/proof/tx-header.ts";
import { type Attempt, type Condition, Model, type Outcome, type Pair, type StoredTx, valueFor } from "./model.ts";

/** A chain of headers over what is appended. */
class Chain {
  readonly txs: StoredTx[] = [];

  append(pairs: readonly Pair[]): TxHeader {
    const before = this.txs.at(-1)?.header;
    const header: TxHeader = {
      id: BigInt(this.txs.length + 1),
      prevAlh: before === undefined ? EMPTY_ALH : alh(before),
      ts: 1n,
      version: 1,
      metadata: undefined,
      nentries: pairs.length,
      eh: sha256(utf8(JSON.stringify(pairs))),
      blTxId: 0n,
      blRoot: ZERO_DIGEST,
    };
    this.txs.push({ header, pairs });
    return header;
  }
}

interface Given {
  readonly keys?: readonly string[];
  readonly condition?: Condition;
  readonly client?: number;
}

class Scene {
  readonly chain = new Chain();
  readonly attempts: Attempt[] = [];

  attempt(
    { keys = ["a", "b"], condition, client = 1 }: Given = {},
    outcome: Outcome = { kind: "unanswered" },
  ): Attempt {
    const id = this.attempts.length + 1;
    const pairs = keys.map((key, i) => ({ key, value: valueFor(id, i, 30) }));
    const attempt: Attempt = { id, client, pairs, condition, outcome };
    this.attempts.push(attempt);
    return attempt;
  }

  /** An attempt that was committed and acknowledged. */
  acknowledged(given: Given = {}): Attempt {
    const attempt = this.attempt(given);
    attempt.outcome = { kind: "acknowledged", header: this.chain.append(attempt.pairs) };
    return attempt;
  }

  findings(): readonly string[] {
    return new Model().judge(this.attempts, this.chain.txs).findings;
  }
}

describe("the judge of the crash run", () => {
  test("passes a server that kept its word, and counts", () => {
    const scene = new Scene();
    scene.acknowledged();
    scene.chain.append(scene.attempt().pairs);
    scene.attempt();
    scene.acknowledged({ condition: { kind: "key_must_exist", key: "a" } });
    scene.attempt({ condition: { kind: "key_must_not_exist", key: "a" } }, { kind: "refused" });
    const { findings, ...counts } = new Model().judge(scene.attempts, scene.chain.txs);
    assert.deepEqual(findings, []);
    assert.deepEqual(counts, { acknowledged: 2, refused: 1, unanswered: 2, foundComplete: 1, entries: 4 });
  });

  test("goes on where it stopped", () => {
    const scene = new Scene();
    scene.acknowledged({ keys: ["a"] });
    const model = new Model();
    model.judge(scene.attempts, scene.chain.txs);
    scene.acknowledged({ keys: ["a", "c"] });
    assert.deepEqual(model.judge(scene.attempts.slice(1), scene.chain.txs.slice(1)).findings, []);
    assert.equal(model.lastTxId, 2n);
    assert.equal(model.keyCount, 2);
    assert.deepEqual(
      model.versions("a").map(({ txId }) => txId),
      [1n, 2n],
    );
  });

  const broken: Readonly<Record<string, { readonly arrange: (scene: Scene) => void; readonly finding: RegExp }>> = {
    "an acknowledged write that is lost": {
      arrange: (scene) => {
        scene.acknowledged();
        scene.chain.txs.pop();
      },
      finding: /attempt 1, acknowledged as 1, is lost/,
    },
    "an acknowledged write that is another transaction now": {
      arrange: (scene) => {
        const { header } = scene.acknowledged().outcome as Extract<Outcome, { kind: "acknowledged" }>;
        scene.chain.txs[0] = { header: { ...header, ts: 2n }, pairs: scene.attempts[0]?.pairs ?? [] };
      },
      finding: /is now transaction 1 with another hash/,
    },
    "a transaction of which an entry is missing": {
      arrange: (scene) => void scene.chain.append(scene.attempt().pairs.slice(0, 1)),
      finding: /attempt 1 is there in part: 1 of 2 entries in transaction 1/,
    },
    "a value that is not the one written": {
      arrange: (scene) =>
        void scene.chain.append(scene.attempt().pairs.map((pair) => ({ ...pair, value: `${pair.value}!` }))),
      finding: /attempt 1 is there in part/,
    },
    "a write that is there twice": {
      arrange: (scene) => void scene.chain.append(scene.acknowledged().pairs),
      finding: /attempt 1 is there twice: 1 and 2/,
    },
    "a transaction that nobody wrote": {
      arrange: (scene) => void scene.chain.append([{ key: "a", value: "attempt 9 entry 0" }]),
      finding: /transaction 1 was written by nobody/,
    },
    "a refused write that was committed": {
      arrange: (scene) => {
        const refused = scene.attempt({ condition: { kind: "key_must_exist", key: "x" } }, { kind: "refused" });
        scene.chain.append(refused.pairs);
      },
      finding: /attempt 1 was refused, and committed as 1/,
    },
    "a refusal of a write that demanded nothing": {
      arrange: (scene) => void scene.attempt({}, { kind: "refused" }),
      finding: /refused although it demanded nothing/,
    },
    "a refusal because of a write that never happened": {
      arrange: (scene) =>
        void scene.attempt({ condition: { kind: "key_must_not_exist", key: "x" } }, { kind: "refused" }),
      finding: /refused although key_must_not_exist of x held/,
    },
    "a refusal that denies the client's own write": {
      arrange: (scene) => {
        scene.acknowledged({ keys: ["x"] });
        scene.attempt({ condition: { kind: "key_must_exist", key: "x" } }, { kind: "refused" });
      },
      finding: /refused although key_must_exist of x held/,
    },
    "two creations of one key": {
      arrange: (scene) => {
        const condition: Condition = { kind: "key_must_not_exist", key: "x" };
        scene.acknowledged({ keys: ["x"], condition });
        scene.acknowledged({ keys: ["x"], condition, client: 2 });
      },
      finding: /attempt 2 was committed as 2 although key_must_not_exist of x did not hold/,
    },
    "an update that overwrote one it had not seen": {
      arrange: (scene) => {
        scene.acknowledged({ keys: ["x"] });
        const condition: Condition = { kind: "key_not_modified_after_tx", key: "x", txId: 1n };
        scene.acknowledged({ keys: ["x"], condition });
        scene.acknowledged({ keys: ["x"], condition, client: 2 });
      },
      finding: /attempt 3 was committed as 3 although key_not_modified_after_tx of x did not hold/,
    },
    "a gap in the transactions": {
      arrange: (scene) => {
        scene.attempt();
        scene.chain.append([]);
        scene.chain.append(scene.attempts[0]?.pairs ?? []);
        scene.chain.txs.shift();
      },
      finding: /transaction 2 follows 0/,
    },
    "a chain that does not fit together": {
      arrange: (scene) => {
        scene.acknowledged();
        const second = scene.attempt();
        const header = scene.chain.append(second.pairs);
        scene.chain.txs[1] = { header: { ...header, prevAlh: ZERO_DIGEST }, pairs: second.pairs };
      },
      finding: /transaction 2 does not continue the chain/,
    },
  };
  for (const [name, { arrange, finding }] of Object.entries(broken)) {
    test(`finds ${name}`, () => {
      const scene = new Scene();
      arrange(scene);
      assert.match(scene.findings().join("\n"), finding);
    });
  }
});
