// Every check that the client makes, in plain words. The names are those of the client and of the errors that it raises; a
// check without words does not compile.

import type { CheckName } from "../../src/client/errors.ts";
import { h, mark } from "./dom.ts";

export interface Explanation {
  readonly about: "server" | "record" | "history" | "form";
  /** What holds when the check passes. */
  readonly holds: string;
  /** Why that matters: what would go unnoticed without it. */
  readonly why: string;
}

const HEADINGS: Readonly<Record<Explanation["about"], string>> = {
  server: "The server",
  record: "The record in its transaction",
  history: "The transaction in the history",
  form: "The form of the answer",
};

const MALFORMED = "An answer that is not exactly what it should be is not guessed at, but refused.";

const EXPLANATIONS: Readonly<Record<CheckName | "signature", Explanation>> = {
  // -- the server --
  server_identity: {
    about: "server",
    holds: "The answer comes from the server that this page met first.",
    why: "Another server could bring a history of its own, in which everything fits together.",
  },
  state_database: {
    about: "server",
    holds: "The state belongs to the database in use.",
    why: "The state of another database would be a true answer to another question.",
  },
  state_rolled_back: {
    about: "server",
    holds: "The server still has every transaction that this page has seen.",
    why: "A server set back to an older day would have forgotten what was written since.",
  },
  signature: {
    about: "server",
    holds: "The new state is signed with the server's key.",
    why: "Only whoever holds the key can vouch for this history.",
  },
  signature_missing: {
    about: "server",
    holds: "The state carries a signature.",
    why: "A key was configured, so an unsigned answer is refused.",
  },
  signature_invalid: {
    about: "server",
    holds: "The signature fits the state and the server's key.",
    why: "Somebody without the key, or another state, would give another signature.",
  },

  // -- the record --
  entry_tx: {
    about: "record",
    holds: "The record is from the transaction that was asked about.",
    why: "A value from another moment would be true, but not the answer.",
  },
  entry_missing: {
    about: "record",
    holds: "The transaction holds the key that was asked for.",
    why: "A record of another key must not pass for this one.",
  },
  entry_digest: {
    about: "record",
    holds: "Key, attributes and value give the hash that the transaction holds.",
    why: "Change one bit of the value, and the hash is another one.",
  },
  entry_value: {
    about: "record",
    holds: "The value gives the hash that the transaction holds.",
    why: "Change one bit of the value, and the hash is another one.",
  },
  entry_metadata: {
    about: "record",
    holds: "The record's attributes (deletion, expiry) are those that were written.",
    why: "A changed expiry would make a record vanish before its time.",
  },
  entry_count: {
    about: "record",
    holds: "The transaction has exactly the records that were sent.",
    why: "Nothing was slipped in, nothing left out.",
  },
  entries_inclusion: {
    about: "record",
    holds: "This very key and value are part of the transaction.",
    why: "Their hash was combined with its neighbours' up to the transaction's own hash. A changed value or key ends elsewhere.",
  },
  entries_root: {
    about: "record",
    holds: "The hashes of all records give the transaction's own hash.",
    why: "A record swapped for another would change it.",
  },
  tx_id: {
    about: "record",
    holds: "The answer is about the transaction that was asked for.",
    why: "Another transaction would be a true answer to another question.",
  },
  tx_not_new: {
    about: "record",
    holds: "The write made a new transaction.",
    why: "An old receipt could be shown again, with nothing written.",
  },
  tx_header: {
    about: "record",
    holds: "The transaction is described the same everywhere in the answer.",
    why: "Otherwise the record could be proven in one transaction and the history with another.",
  },
  tx_header_malformed: { about: "form", holds: "The transaction's description is well formed.", why: MALFORMED },

  // -- the history --
  dual_proof_tx_ids: {
    about: "history",
    holds: "The proof joins the trusted transaction and this one.",
    why: "A proof about other transactions would say nothing here.",
  },
  source_alh: {
    about: "history",
    holds: "The older of the two transactions has the hash that it should have.",
    why: "This hash stands for the transaction and everything before it.",
  },
  target_alh: {
    about: "history",
    holds: "The newer of the two transactions has the hash that it should have.",
    why: "Change anything that was ever recorded before it, and this hash is another one.",
  },
  binary_linking: {
    about: "history",
    holds: "The newer transaction builds on a history that reaches the older one.",
    why: "A history that leaves a gap could hide something in it.",
  },
  history_inclusion: {
    about: "history",
    holds: "The older transaction is in the newer one's history.",
    why: "A transaction that was cut out would be missing here.",
  },
  history_consistency: {
    about: "history",
    holds: "The history known then is the beginning of the history known now.",
    why: "Records were added since, and none was changed: a rewritten past has other hashes.",
  },
  history_last_inclusion: {
    about: "history",
    holds: "The history ends with the transaction that it says it ends with.",
    why: "It ties the chain of transactions to the tree that holds them all.",
  },
  linear_proof: {
    about: "history",
    holds: "From there to this transaction, each one names the one before it.",
    why: "A chain with an exchanged link does not close.",
  },
  linear_advance_proof: {
    about: "history",
    holds: "The chain of older transactions is the same as the one in the history.",
    why: "Two histories could otherwise be shown to two people.",
  },
  unused_part: {
    about: "history",
    holds: "The proof has no part that nothing checks.",
    why: "What is not checked could say anything.",
  },

  // -- the form --
  digest_malformed: { about: "form", holds: "Every hash has its full length.", why: MALFORMED },
  digest_length: { about: "form", holds: "Every hash has its full length.", why: MALFORMED },
  kv_metadata_malformed: { about: "form", holds: "The record's attributes are well formed.", why: MALFORMED },
  tx_metadata_malformed: { about: "form", holds: "The transaction's attributes are well formed.", why: MALFORMED },
  store_key_malformed: { about: "form", holds: "The key is well formed.", why: MALFORMED },
  store_value_malformed: { about: "form", holds: "The value is well formed.", why: MALFORMED },
  record_malformed: { about: "form", holds: "The record is well formed.", why: MALFORMED },
  exported_tx_malformed: { about: "form", holds: "The exported transaction is well formed.", why: MALFORMED },
  public_key_malformed: { about: "form", holds: "The configured key is a key.", why: MALFORMED },
  version_unsupported: { about: "form", holds: "The transaction is of a kind that this page knows.", why: MALFORMED },
  metadata_unsupported: { about: "form", holds: "The attributes are of a kind that this page knows.", why: MALFORMED },
  part_missing: { about: "form", holds: "The answer has all its parts.", why: MALFORMED },
  number_out_of_range: { about: "form", holds: "Every number is one that can be.", why: MALFORMED },
  field_unknown: { about: "form", holds: "The answer has no part that this page does not know.", why: MALFORMED },
  stream_truncated: { about: "form", holds: "The answer has come to its end.", why: MALFORMED },
  not_representable: { about: "form", holds: "The answer can be read back as it was written.", why: MALFORMED },
};

/** The words for a check. */
export function explanationOf(check: string): Explanation {
  const known = (EXPLANATIONS as Readonly<Record<string, Explanation>>)[check];
  return known ?? { about: "form", holds: `The check “${check}” holds.`, why: MALFORMED };
}

/** The checks that were made and passed, under the question that they answer. */
export function checksView(checks: readonly string[]): HTMLElement {
  const section = h("section", { class: "checks", "aria-label": "Checks made" }, h("h3", {}, "Checks made"));
  const groups = Map.groupBy(checks, (check) => explanationOf(check).about);
  for (const [about, names] of groups) {
    const items = names.map((name) => {
      const { holds, why } = explanationOf(name);
      return h("li", { "data-check": name }, mark("passed"), h("div", {}, holds), h("div", { class: "why" }, why));
    });
    section.append(h("h4", {}, HEADINGS[about]), h("ol", {}, ...items));
  }
  return section;
}
