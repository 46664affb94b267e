// What the page has proof of so far, beside the work: it grows with every proven answer, and never moves for any other.

import type { ProofReport } from "../../src/client/verified.ts";
import { byId, facts, h } from "./dom.ts";
import { shownHash } from "./shown.ts";

/** When each database was first trusted, by its name. */
const firstTrusted = new Map<string, Date>();

/** Shows that nothing is known yet of the database, or what was shown before. */
export function showTrust(database: string, proof?: ProofReport): void {
  const place = byId("trusted-state", HTMLDivElement);
  if (proof === undefined) {
    place.replaceChildren(
      h(
        "p",
        { class: "aside" },
        `Nothing yet of the database “${database}”. The first answer is taken as it is; from then on every answer `,
        "has to continue the same history.",
      ),
    );
    return;
  }
  const since = firstTrusted.get(database) ?? new Date();
  firstTrusted.set(database, since);
  const { state } = proof;
  place.replaceChildren(
    facts(
      ["Database", database],
      ["Up to transaction", h("strong", { id: "trusted-tx" }, String(state.txId))],
      ["Hash of all history up to there", shownHash(state.txHash)],
      ["Trusted since", since.toLocaleTimeString()],
    ),
    h(
      "p",
      { class: "aside" },
      "Every further answer must continue this history. Kept in this page only: closing it forgets it.",
    ),
  );
}
