import askForPassword from "@inquirer/password";

/** Asks on the terminal, showing a star for each character; undefined when there is nobody to ask. */
export function passwordPrompt(
  message: string,
  stdin: { readonly isTTY?: boolean | undefined } = process.stdin,
): (() => Promise<string>) | undefined {
  if (!stdin.isTTY || !process.stderr.isTTY) return undefined;
  return () => askForPassword({ message, mask: "*" }, { output: process.stderr });
}
