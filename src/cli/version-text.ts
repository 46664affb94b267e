import { COMPATIBLE_VERSION } from "../base/compatible-version.ts";
import { OWN_VERSION } from "../server/version.ts";

/** What a program says about itself; the first line is for scripts. */
export function versionText(program: string): string {
  return `${program} ${OWN_VERSION}
  compatible with   immudb ${COMPATIBLE_VERSION}
  runs on           Node ${process.versions.node}, ${process.platform} ${process.arch}
`;
}
