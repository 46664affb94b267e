// `npm run conformance:rpc [-- --transport node|own] [-- --only PATTERN]`: the conformance suite of the Connect project,
// Connect, gRPC and gRPC-Web, against our port. With --only the cases that match, each failure with the HTTP it saw; the
// lists of known failures do not count then.

import { parseArgs } from "node:util";
import { endWithoutGo, goTool } from "../../scripts/go-tool.ts";
import { judge, knownFailures, type Outcome, runSuite, summary } from "./suite.ts";
import { TRANSPORTS } from "./transports.ts";

const { values } = parseArgs({ options: { transport: { type: "string" }, only: { type: "string" } } });
const transports = TRANSPORTS.filter((name) => values.transport === undefined || values.transport === name);
if (transports.length === 0) {
  console.error(`--transport is one of ${TRANSPORTS.join(", ")}`);
  process.exit(2);
}

await goTool("connectconformance").catch(endWithoutGo);
let stock: Outcome | undefined;
for (const transport of transports) {
  const outcome = await runSuite(transport, values.only);
  if (transport === "node") stock = outcome;
  const known = values.only === undefined ? await knownFailures(transport) : [];
  const complaints = judge(outcome, known, transport === "node" ? undefined : stock);
  for (const complaint of complaints) console.log(`${transport} ${complaint}`);
  console.log(summary(transport, outcome));
  if (complaints.length > 0) process.exitCode = 1;
}
