// `npm run conformance:h2`: h2spec against our HTTP/2. Everything must pass.

import { endWithoutGo, goTool } from "../../scripts/go-tool.ts";
import { SERVERS } from "./servers.ts";
import { runH2spec, summary } from "./suite.ts";

await goTool("h2spec").catch(endWithoutGo);
for (const [name, server] of Object.entries(SERVERS)) {
  const outcome = await runH2spec(server);
  if (outcome.passed !== outcome.total) {
    console.log(outcome.output);
    process.exitCode = 1;
  }
  console.log(summary(name, outcome));
}
