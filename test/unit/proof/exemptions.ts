// The fields of an answer that nobody may rely on: a changed bit there goes unnoticed, and only there. This list is the whole
// of it (wire spec, "Further strict rules").

/** What an answer is about: a write, a transaction by id, a value, or a value behind a reference. */
export type AnswerKind = "write" | "tx" | "value" | "reference";

export interface Exemption {
  /** Path of the field inside the VerifiableTx, or VerifiableEntry for values and references. */
  readonly field: RegExp;
  readonly answers: readonly AnswerKind[];
  readonly why: string;
}

const EVERY: readonly AnswerKind[] = ["write", "tx", "value", "reference"];
const GETS: readonly AnswerKind[] = ["value", "reference"];

export const EXEMPTIONS: readonly Exemption[] = [
  {
    field: /signature\.publicKey$/,
    answers: EVERY,
    why: "only the configured key decides; this one says which key the server used",
  },
  {
    field: /dualProof\.LinearAdvanceProof\.inclusionProofs\.(leaf|width)$/,
    answers: EVERY,
    why: "the position follows from the place in the list",
  },
  { field: /tx\.entries\.vLen$/, answers: EVERY, why: "a digest covers the hash of the value, not its length" },
  { field: /tx\.(kvEntries|zEntries)(\.|$)/, answers: EVERY, why: "resolved entries are a convenience, not a proof" },
  {
    field: /^verifiableTx\.tx\.entries(\.|$)/,
    answers: GETS,
    why: "of a get only the one entry is proven, by its inclusion proof",
  },
  { field: /^entry\.key$/, answers: ["value"], why: "the requested key is the one that is verified" },
  {
    field: /^entry\.(referencedBy\.)?revision$/,
    answers: GETS,
    why: "revisions are counted by the server, not hashed",
  },
  { field: /^entry\.expired$/, answers: GETS, why: "follows from the metadata and the reader's own clock" },
  {
    field: /^entry\.(tx|value|metadata)(\.|$)/,
    answers: ["reference"],
    why: "the proof is about the reference; the value behind it takes a get of its own",
  },
];

export function isExempt(kind: AnswerKind, field: string): boolean {
  return EXEMPTIONS.some((exemption) => exemption.answers.includes(kind) && exemption.field.test(field));
}
