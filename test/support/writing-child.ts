// A process that writes to a store until its standard input ends, eight transactions at a time, and tells after each round how
// many are acknowledged. Arguments: directory, where values go ("log" or "segments").

import { onDisk, setOf } from "../unit/store/support.ts";

const [directory = "", place] = process.argv.slice(2);
const store = await onDisk(directory)({ valuesInSegments: place === "segments" });
let running = true;
process.stdin.on("end", () => {
  running = false;
});
process.stdin.resume();
for (let next = 1; running; next += 8) {
  const numbers = Array.from({ length: 8 }, (_, i) => next + i);
  await Promise.all(numbers.map((n) => store.commit(setOf([String(n), `${n} ${"v".repeat((n * 7919) % 3000)}`]))));
  process.stdout.write(`${store.committed.txId}\n`);
}
await store.close();
