// Which vector files there are answers for, and running a directory of them.

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
  dualProofAnswers,
  dualProofV2Answers,
  linearAdvanceProofAnswers,
  linearProofAnswers,
  stateSignatureAnswers,
} from "./kinds/between.ts";
import {
  entryDigestAnswers,
  kvEncodingAnswers,
  kvMetadataAnswers,
  txHeaderAnswers,
  txMetadataAnswers,
} from "./kinds/bytes.ts";
import { clientFlowAnswers } from "./kinds/client-flows.ts";
import { exportedTxAnswers } from "./kinds/exported-txs.ts";
import { streamChunksAnswers } from "./kinds/streams.ts";
import { ahtreeAnswers, htreeAnswers } from "./kinds/trees.ts";
import { type Answers, type FileResult, runFile, type VectorCase } from "./vector-file.ts";

/** The project's own copy. */
export const VECTORS_DIRECTORY: string = join(import.meta.dirname, "vectors");

/** Files that must be answered in full. */
export const ANSWERS: Readonly<Record<string, Answers>> = {
  kv_metadata: kvMetadataAnswers,
  tx_metadata: txMetadataAnswers,
  entry_digest: entryDigestAnswers,
  kv_encoding: kvEncodingAnswers,
  tx_header: txHeaderAnswers,
  htree: htreeAnswers,
  ahtree: ahtreeAnswers,
  linear_proof: linearProofAnswers,
  linear_advance_proof: linearAdvanceProofAnswers,
  dual_proof: dualProofAnswers,
  dual_proof_v2: dualProofV2Answers,
  state_signature: stateSignatureAnswers,
  client_flows: clientFlowAnswers,
  export_tx: exportedTxAnswers,
  stream_chunks: streamChunksAnswers,
};

/** Operations that may be skipped in a file that has answers: rows of SQL tables are not built yet. */
const SKIPS_ALLOWED: Readonly<Record<string, readonly string[]>> = { client_flows: ["sqlRow"] };

/** Runs every *.json file of a directory, in the order of their names. */
export async function runDirectory(directory: string): Promise<FileResult[]> {
  const results: FileResult[] = [];
  for (const file of readdirSync(directory).sort()) {
    if (file.endsWith(".json")) results.push(await runFile(join(directory, file), ANSWERS[basename(file, ".json")]));
  }
  return results;
}

/** Cases that were skipped although their file must be answered in full. */
export function forbiddenSkips(result: FileResult): readonly VectorCase[] {
  if (ANSWERS[result.file] === undefined) return [];
  const allowed = SKIPS_ALLOWED[result.file] ?? [];
  return result.skipped.filter(({ op }) => op === undefined || !allowed.includes(op));
}
