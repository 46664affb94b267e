// `node log-length-child.ts <environment>`: prints the last transaction that LMDB finds in a log, without any check of ours.
// Pages may be damaged: it may end without a word.

import { lmdbDriver } from "../../src/store/engine-lmdb.ts";
import { logTables, TxLog } from "../../src/store/tx-log.ts";

const engine = await lmdbDriver.open(process.argv[2] ?? "", { durable: true });
process.stdout.write(String(new TxLog("testdb", logTables(engine)).lastTxId()));
