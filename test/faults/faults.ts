// All faults of the campaign, in the order in which it makes them.

import { clockJumps } from "./clock-jumps.ts";
import { damagedFiles } from "./damaged-files.ts";
import { descriptors } from "./descriptors.ts";
import { diskFull } from "./disk-full.ts";
import { failingCalls } from "./failing-calls.ts";
import type { Fault } from "./outcome.ts";
import { powerCut } from "./power-cut.ts";
import { readOnly } from "./read-only.ts";

export const FAULTS: readonly Fault[] = [
  failingCalls,
  diskFull,
  powerCut,
  descriptors,
  clockJumps,
  readOnly,
  damagedFiles,
];
