// A proven answer: the verdict first, then the record, then every check that led to the verdict, then what no check can say.

import type { ProofReport } from "../../src/client/verified.ts";
import type { Entry, TxHeader } from "../../src/proof/model.ts";
import { checksView } from "./checks.ts";
import { facts, h, mark } from "./dom.ts";
import { counted, shownBytes, shownKey, shownTime } from "./shown.ts";

/** The parts of the answer to a verified get; `first`: nothing was trusted before it. */
export function entryView({ entry, proof }: { entry: Entry; proof: ProofReport }, first: boolean): Node[] {
  const { referencedBy: reference, metadata } = entry;
  const value = shownBytes(entry.value);
  return [
    verdict("passed", "Proven: this is what was recorded", allPassed(proof.checks, first)),
    h("pre", { class: "record", tabindex: "0", "aria-label": "Value" }, value.text),
    facts(
      ["Key", shownKey(entry.key)],
      reference === undefined ? undefined : ["Reached through", shownKey(reference.key)],
      ["Transaction", String(entry.tx)],
      entry.revision > 0n ? ["Revision, as the server says", String(entry.revision)] : undefined,
      ["Size", counted(entry.value.length, "byte")],
      value.how === "hex" ? ["Shown as", "hexadecimal, since it is no plain text"] : undefined,
      metadata?.expiresAt === undefined ? undefined : ["Expires", shownTime(metadata.expiresAt)],
    ),
    checksView(proof.checks),
    limits(
      "that there is no newer value, and the number of the revision. The server could answer as of an earlier moment, " +
        "though never before what this page trusts, and never from a changed past.",
    ),
  ];
}

/** The parts of the answer to a verified set. */
export function writeView(
  key: Uint8Array,
  { header, proof }: { header: TxHeader; proof: ProofReport },
  first: boolean,
): Node[] {
  return [
    verdict("passed", "Written, and proven to be recorded", allPassed(proof.checks, first)),
    facts(
      ["Key", shownKey(key)],
      ["Transaction", String(header.id)],
      ["Time, as the server says", shownTime(header.ts)],
      ["Records in it", String(header.nentries)],
    ),
    checksView(proof.checks),
    limits("the server's clock. Who reads this key later can check that it is still what was written now."),
  ];
}

/** The answer that nothing is there, which has no proof. */
export function absentView(key: Uint8Array): Node[] {
  return [
    verdict(
      "open",
      "The server says that there is no such key",
      "An absence has no proof: only what is there can be proven.",
    ),
    facts(["Key", shownKey(key)]),
  ];
}

function verdict(kind: "passed" | "open", title: string, text: string): HTMLElement {
  const words = h("div", {}, h("h2", {}, title), h("p", {}, text));
  return h("div", { class: kind === "open" ? "verdict open" : "verdict" }, mark(kind), words);
}

function allPassed(checks: readonly string[], first: boolean): string {
  const passed = `This browser made ${counted(checks.length, "check")}, and all of them passed.`;
  const taken = "This was the first contact: the history before it was taken as it is, and is held to from now on.";
  return first ? `${passed} ${taken}` : passed;
}

function limits(text: string): HTMLElement {
  return h("p", { class: "limits" }, h("strong", {}, "Not proven: "), text);
}
