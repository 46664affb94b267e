import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TxPoint } from "../../../src/client/errors.ts";
import { Commits } from "../../../src/replication/commits.ts";
import type { LocalReplica } from "../../../src/replication/local.ts";
import { settled } from "./support.ts";

function point(txId: bigint): TxPoint {
  return { txId, txHash: new Uint8Array(32).fill(Number(txId)) };
}

/** A replica that has written up to some transaction, and commits when the test lets it. */
class Written implements LocalReplica {
  readonly name = "db";
  readonly uuid = "uuid";
  last = 0n;
  committed: bigint[] = [];
  #go = Promise.withResolvers<void>();

  state() {
    return Promise.resolve({ committed: point(this.committed.at(-1) ?? 0n), precommitted: point(this.last) });
  }

  pointAt(txId: bigint): Promise<TxPoint> {
    return Promise.resolve(point(txId));
  }

  apply(): Promise<void> {
    throw new Error("not asked for here");
  }

  async commitUpTo({ txId }: TxPoint): Promise<void> {
    await this.#go.promise;
    this.committed.push(txId);
  }

  discardPrecommitted(): Promise<bigint> {
    throw new Error("not asked for here");
  }

  go(): void {
    this.#go.resolve();
  }

  fail(error: Error): void {
    this.#go.reject(error);
  }
}

describe("what a synchronous replica commits", () => {
  test("is what it has written and the primary allows, whichever is less", async () => {
    const local = new Written();
    local.go();
    const commits = new Commits(local, point(0n), true);
    local.last = 3n;
    assert.equal(commits.allow(0n, point(2n)), true);
    await settled();
    assert.deepEqual(local.committed, [2n]);
    assert.equal(commits.allow(10n, undefined), true);
    await settled();
    assert.deepEqual(local.committed, [2n, 3n]);
    local.last = 12n;
    commits.applied(12n);
    await settled();
    assert.deepEqual(local.committed, [2n, 3n, 10n], "whatever else was written");
    assert.equal(commits.allow(0n, point(11n)), true);
    await settled();
    assert.equal(commits.committed, 11n);
  });

  test("is one step at a time, and what is under way counts towards the primary", async () => {
    const local = new Written();
    const commits = new Commits(local, point(0n), true);
    local.last = 5n;
    commits.allow(4n, point(4n));
    await settled();
    assert.equal(commits.point.txId, 4n);
    assert.equal(commits.committed, 0n);
    commits.allow(5n, point(5n));
    local.go();
    await settled();
    assert.deepEqual(local.committed, [4n, 5n]);
  });

  test("no news is none", () => {
    const commits = new Commits(new Written(), point(0n), true);
    assert.equal(commits.allow(0n, undefined), false);
    assert.equal(commits.allow(7n, undefined), true);
    assert.equal(commits.allow(7n, point(6n)), false);
  });

  test("a failure is told", async () => {
    const local = new Written();
    const commits = new Commits(local, point(0n), true);
    local.last = 1n;
    commits.allow(1n, point(1n));
    local.fail(new Error("another history"));
    await assert.rejects(commits.failed, /another history/);
    await commits.ended();
  });
});

test("an asynchronous replica has committed what it has written", async () => {
  const local = new Written();
  const commits = new Commits(local, point(0n), false);
  commits.allow(9n, undefined);
  commits.applied(3n);
  await settled();
  assert.equal(commits.committed, 3n);
  assert.deepEqual(local.committed, []);
});
