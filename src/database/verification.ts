// What a verification of a database tells while it runs and when it is done, for the rooms above.

import type { StorePoint } from "../store/commit-state.ts";
import type { VerifyProgress } from "../store/verify-pace.ts";
import type { VerifyReport } from "../store/verify-report.ts";

export type { StorePoint } from "../store/commit-state.ts";
export type { VerifyProgress, VerifyStage } from "../store/verify-pace.ts";
export type { Coverage, Finding, VerifyReport } from "../store/verify-report.ts";

export type VerifyStep =
  | { readonly kind: "progress"; readonly progress: VerifyProgress }
  /** The last step. */
  | { readonly kind: "report"; readonly report: VerifyReport };

/**
 * Verifies a database that a server has open, away from the server's thread: `known` are states that must be part of its
 * history. Ends with a report, or throws what kept it from being made. Ending the iteration ends the work.
 */
export type VerifyLive = (
  database: string,
  known: readonly StorePoint[],
  signal: AbortSignal,
) => AsyncIterable<VerifyStep>;
