// docs/status.md says of every method whether it is built; here it is held against what the server registers.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { allMethods } from "../../src/services/methods.ts";
import type { Room } from "../../src/services/pipeline.ts";

const ROW = /^\| (?<service>\w+) \| (?<method>\w+) \| (?<status>built|unimplemented) \|$/gm;

test("the status page tells of every method, and truly, whether it is built", async () => {
  const page = await readFile(new URL("../../docs/status.md", import.meta.url), "utf8");
  const told = [...page.matchAll(ROW)].map(
    ({ groups }) => `${groups?.["service"]}.${groups?.["method"]} ${groups?.["status"]}`,
  );
  // Handlers are only made here, never called.
  const room = { clock: systemClock, verify: (() => undefined) as unknown } as Room;
  const registered = allMethods(room, undefined).map(({ descriptor, handler }) => {
    return `${descriptor.parent.name}.${descriptor.name} ${handler === undefined ? "unimplemented" : "built"}`;
  });
  assert.deepEqual(told.toSorted(), registered.toSorted());
});
