import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FetchWindow } from "../../../src/replication/fetch-window.ts";
import { DrivenPrimary, settled } from "./support.ts";

const blob = new Uint8Array(10);

function windowOn(primary: DrivenPrimary, ahead: number, bytesMax = 1000): FetchWindow {
  return new FetchWindow({ primary, from: 5n, ahead, bytesMax, allowPrecommitted: false, skipIntegrityCheck: false });
}

describe("a fetch window", () => {
  test("asks ahead for what is known to be there, so many calls at a time, and gives it out in order", async () => {
    const primary = new DrivenPrimary();
    using window = windowOn(primary, 3);
    window.fill();
    assert.deepEqual(primary.asked, []);
    window.learn(9n);
    window.fill();
    assert.deepEqual(primary.asked, [5n, 6n, 7n]);
    primary.of(6n).answer({ blob });
    const first = window.take();
    primary.of(5n).answer({ blob });
    assert.equal((await first).txId, 5n);
    assert.equal((await window.take()).txId, 6n);
    window.fill();
    assert.deepEqual(primary.asked, [5n, 6n, 7n, 8n, 9n]);
    assert.equal(primary.openMax, 3);
  });

  test("keeps a transaction that is not there as the next, and asks for those after it again", async () => {
    const primary = new DrivenPrimary();
    using window = windowOn(primary, 3);
    window.probes = 2;
    window.fill();
    primary.of(5n).answer({});
    assert.equal((await window.take()).answer.blob, undefined);
    assert.equal(window.next, 5n);
    assert.equal(window.isAsked, false);
    window.fill();
    assert.deepEqual(primary.asked, [5n, 6n, 5n, 6n]);
  });

  test("holds back all but the next transaction when too many bytes have come", async () => {
    const primary = new DrivenPrimary();
    using window = windowOn(primary, 3, 100);
    window.learn(7n);
    window.fill();
    assert.equal(primary.of(6n).options.admit?.(90), undefined);
    let mayReadOn = false;
    void primary
      .of(7n)
      .options.admit?.(90)
      ?.then(() => {
        mayReadOn = true;
      });
    assert.equal(primary.of(5n).options.admit?.(500), undefined, "the next one always goes on");
    await settled();
    assert.equal(mayReadOn, false);
    primary.of(5n).answer({ blob });
    window.release((await window.take()).bytes);
    await settled();
    assert.equal(mayReadOn, false, "180 bytes are still held");
    primary.of(6n).answer({ blob });
    window.release((await window.take()).bytes);
    await settled();
    assert.equal(mayReadOn, true);
    assert.equal(window.bytes, 90);
  });

  test("asks for nothing more while what has come is not released", async () => {
    const primary = new DrivenPrimary();
    using window = windowOn(primary, 3, 100);
    window.learn(9n);
    window.ask(undefined);
    void primary.of(5n).options.admit?.(200);
    primary.of(5n).answer({ blob });
    const { bytes } = await window.take();
    window.fill();
    assert.deepEqual(primary.asked, [5n]);
    window.release(bytes);
    window.fill();
    assert.deepEqual(primary.asked, [5n, 6n, 7n, 8n]);
  });

  test("passes a refusal on, and forgets what was dropped", async () => {
    const primary = new DrivenPrimary();
    using window = windowOn(primary, 3);
    window.learn(7n);
    window.fill();
    void primary.of(6n).options.admit?.(90);
    primary.of(5n).refuse(new Error("gone"));
    await assert.rejects(window.take(), /gone/);
    window[Symbol.dispose]();
    assert.equal(window.bytes, 0);
    assert.ok(primary.of(6n).options.signal?.aborted);
  });
});
