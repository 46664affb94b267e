const TAB = 8;
const WIDTH = 16;

/** Lines `name:` and value, the values side by side on a terminal, where a tab leads to the next multiple of 8. */
export function tabbed(lines: Readonly<Record<string, string | Uint8Array>>): (string | Uint8Array)[] {
  return Object.entries(lines).flatMap(([name, value]) => {
    const tabs = Math.ceil((WIDTH - name.length - 1) / TAB);
    return [`${name}:${"\t".repeat(Math.max(1, tabs))}`, value, "\n"];
  });
}
