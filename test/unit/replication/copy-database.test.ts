import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concat } from "../../../src/base/bytes.ts";
import type { TxPoint } from "../../../src/client/errors.ts";
import type { Database } from "../../../src/database/database.ts";
import { type CopyTarget, copyDatabase } from "../../../src/replication/copy-database.ts";
import { ReplicationError } from "../../../src/replication/errors.ts";
import type { Primary } from "../../../src/replication/primary.ts";
import { setRequest, type TestDatabase, testDatabase } from "../database/support.ts";

/** A source that fails at a transaction, once. */
function sourceOf({ database }: TestDatabase, failsAt = 0n): Primary {
  let hasFailed = false;
  const primary: Primary = {
    export: async (request) => {
      if (request.tx === failsAt && !hasFailed) {
        hasFailed = true;
        throw new Error("the connection is lost");
      }
      const { blob, committedTxId } = await database.exportTx(request as never, undefined);
      return { blob: blob && concat(...blob.pieces()), committedTxId, mayCommit: undefined };
    },
    exports: (signal) => ({ ask: (request, admit) => primary.export(request, { signal, admit }) }),
    [Symbol.asyncDispose]: async () => {},
  };
  return primary;
}

function targetOf(database: Database): CopyTarget {
  return {
    state: async () => pointOf(database),
    apply: async (blob) => (await database.replicateTx(blob)).header,
  };
}

function pointOf(database: Database): TxPoint {
  const { txId, txHash } = database.state();
  return { txId, txHash };
}

async function filled(count: number, prefix = "k"): Promise<TestDatabase> {
  const made = await testDatabase();
  await Promise.all(Array.from({ length: count }, (_, i) => made.database.set(setRequest([[`${prefix}${i}`, "v"]]))));
  return made;
}

function emptyReplica(): Promise<TestDatabase> {
  return testDatabase({ replicationSettings: { replica: true } });
}

function copy(source: Primary, target: CopyTarget, upTo: TxPoint, seen: bigint[] = []): Promise<bigint> {
  const { signal } = new AbortController();
  return copyDatabase({ source, target, upTo, onProgress: (txId) => void seen.push(txId), signal });
}

function refusal(copying: Promise<bigint>): Promise<string> {
  return copying.then(
    () => "none",
    (error: unknown) => (error instanceof ReplicationError ? error.code : String(error)),
  );
}

describe("copying a database", () => {
  test("brings over each transaction once, goes on after a failure, and ends with the source's hash", async () => {
    await using source = await filled(250);
    await using target = await emptyReplica();
    const seen: bigint[] = [];
    const failing = sourceOf(source, 120n);
    const upTo = pointOf(source.database);
    await assert.rejects(copy(failing, targetOf(target.database), upTo, seen), /the connection is lost/);
    const { txId } = target.database.state();
    assert.equal(txId, 119n, "what was fetched before is stored");
    assert.equal(await copy(failing, targetOf(target.database), upTo, seen), 250n - txId);
    assert.deepEqual(pointOf(target.database), upTo);
    assert.deepEqual(
      seen,
      Array.from({ length: 250 }, (_, i) => BigInt(i + 1)),
    );
  });

  test("refuses a target that has something else, or more", async () => {
    await using source = await filled(5);
    await using other = await filled(3, "other");
    await using target = await emptyReplica();
    await copy(sourceOf(other), targetOf(target.database), pointOf(other.database));
    assert.equal(
      await refusal(copy(sourceOf(source), targetOf(target.database), pointOf(source.database))),
      "commit_diverged",
    );
    assert.equal(
      await refusal(copy(sourceOf(other), targetOf(target.database), { ...pointOf(other.database), txId: 2n })),
      "commit_diverged",
    );
  });

  test("notices a target that stores a transaction as another", async () => {
    await using source = await filled(5);
    await using target = await emptyReplica();
    const wrong: CopyTarget = {
      ...targetOf(target.database),
      apply: async (blob) => {
        const { header } = await target.database.replicateTx(blob);
        return header.id === 3n ? { ...header, ts: header.ts + 1n } : header;
      },
    };
    assert.equal(await refusal(copy(sourceOf(source), wrong, pointOf(source.database))), "copy_differs");
  });

  test("notices a source whose last hash is not that of its transactions", async () => {
    await using source = await filled(5);
    await using target = await emptyReplica();
    const upTo = { txId: 5n, txHash: new Uint8Array(32) };
    assert.equal(await refusal(copy(sourceOf(source), targetOf(target.database), upTo)), "copy_differs");
  });
});
