// Programs of this package that it starts itself, in other processes and threads.

import { fileURLToPath } from "node:url";

/** Path of a program beside a module (its `import.meta.url`): source where that is source, built where it is built. */
export function programBeside(module: string, name: string): string {
  const extension = module.slice(module.lastIndexOf("."));
  return fileURLToPath(new URL(`./${name}${extension}`, module));
}
