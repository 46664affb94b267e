import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { LazySignal } from "../../../src/server/lazy-signal.ts";

test("aborts when the caller goes, before it is asked for or after", () => {
  const early = new LazySignal(new AbortController().signal);
  early.abort();
  assert.equal(early.get().aborted, true);
  const late = new LazySignal(new AbortController().signal);
  const signal = late.get();
  assert.equal(signal.aborted, false);
  late.abort();
  assert.equal(signal.aborted, true);
  assert.equal(late.get(), signal);
});

test("aborts when the server stops", () => {
  const stopping = new AbortController();
  const signal = new LazySignal(stopping.signal).get();
  stopping.abort();
  assert.equal(signal.aborted, true);
});

test("aborts when the deadline passes, counted from the beginning of the call", async () => {
  const lazy = new LazySignal(new AbortController().signal, 20);
  const signal = lazy.get();
  assert.equal(signal.aborted, false);
  await once(signal, "abort");
  const passed = new LazySignal(new AbortController().signal, 0).get();
  if (!passed.aborted) await once(passed, "abort");
  assert.equal(new LazySignal(new AbortController().signal, 1e12).get().aborted, false);
});
