// One of several processes that share trusted state: advances it by one, `times` times, and writes one dot after each.
// Arguments: directory, address, database, times.

import { writeSync } from "node:fs";
import { FileStateStore } from "../../src/client/node.ts";

const [directory, address, database, times] = process.argv.slice(2) as [string, string, string, string];
const store = new FileStateStore(directory);
for (let i = 0; i < Number(times); i++) {
  await store.exclusively(address, database, async (slot) => {
    await slot.pin("uuid");
    const from = await slot.state();
    const txId = (from?.txId ?? 0n) + 1n;
    await slot.advance(from, {
      db: database,
      txId,
      txHash: new Uint8Array(32).fill(Number(txId % 251n)),
      signature: undefined,
    });
  });
  writeSync(1, ".");
}
