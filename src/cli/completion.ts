// `completion SHELL`: a script with which a shell completes the words of a program. It holds everything, so that a TAB starts
// nothing. The shells differ in their languages only: each script finds out which command the words before the cursor name, and
// offers what can follow it.

import { Argument, type Command, type Option } from "commander";

export type Shell = "bash" | "zsh" | "fish" | "powershell";
const SHELLS: readonly Shell[] = ["bash", "fish", "powershell", "zsh"];

interface Word {
  readonly text: string;
  readonly meaning: string;
}

interface Place {
  /** Words of the command, `index rebuild`; "" for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
}

/** Adds the command itself. */
export function addCompletion(program: Command, print: (text: string) => void): void {
  program
    .command("completion")
    .description("print a script with which a shell completes this program's words")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action((shell: Shell) => print(completionScript(shell, program)));
}

/** The script for a program as it is defined. */
export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](program.name(), placesOf(program, ""));
}

const SCRIPTS: Readonly<Record<Shell, (name: string, places: readonly Place[]) => string>> = {
  bash: (
    name,
    places,
  ) => `# ${name} completion bash: put it where bash-completion finds it, or: source <(${name} completion bash)
_${name}() {
  local word at="" words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
      ${commandsOf(places)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${places.map(({ path, words }) => `    ${quoted(path)}) words=${quoted(textsOf(words))} ;;\n`).join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`,
  zsh: (name, places) => `#compdef ${name}
# ${name} completion zsh: put it as _${name} into a directory of $fpath
_${name}() {
  local word at=""
  local -a found
  for word in \${words[2,CURRENT-1]}; do
    case "\${at:+$at }$word" in
      ${commandsOf(places)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${places.map(({ path, words }) => `    ${quoted(path)}) found=(${words.map(described).join(" ")}) ;;\n`).join("")}  esac
  _describe ${name} found || _files
}
compdef _${name} ${name}
`,
  fish: (name, places) => `# ${name} completion fish: put it into ~/.config/fish/completions/${name}.fish
function __${name}_at
    set -l at
    for word in (commandline -opc)[2..-1]
        contains -- (string join ' ' $at $word) ${places
          .slice(1)
          .map(({ path }) => quoted(path))
          .join(" ")}; and set -a at $word
    end
    set -l where (string join ' ' $at)
    test "$where" = "$argv[1]"
end
${places.flatMap(({ path, words }) => words.map((word) => fishLine(name, path, word))).join("")}`,
  powershell: (name, places) => `# ${name} completion powershell: add it to $PROFILE
Register-ArgumentCompleter -Native -CommandName ${name} -ScriptBlock {
  param($typed, $line, $cursor)
  $places = @{
${places.map(({ path, words }) => `    ${psQuoted(path)} = @(${words.map(({ text }) => psQuoted(text)).join(", ")})\n`).join("")}  }
  $at = ''
  foreach ($element in $line.CommandElements | Select-Object -Skip 1) {
    $next = ("$at $element").Trim()
    if ($places.ContainsKey($next)) { $at = $next }
  }
  $places[$at] | Where-Object { $_ -like "$typed*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`,
};

const HELP: Word = { text: "--help", meaning: "say what can be said" };

/** The program, and every command below it: each takes its own options and those of what is above it. */
function placesOf(command: Command, path: string, above: readonly Word[] = [HELP]): Place[] {
  const options = [...command.options.map(wordOf), ...above];
  const commands = command.commands.map((one) => ({ text: one.name(), meaning: one.description() }));
  const below = command.commands.flatMap((one) =>
    placesOf(one, path === "" ? one.name() : `${path} ${one.name()}`, options),
  );
  return [{ path, words: [...commands, ...options] }, ...below];
}

function wordOf({ long, short, description }: Option): Word {
  return { text: long ?? short ?? "", meaning: description };
}

function textsOf(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(" ");
}

/** A pattern of `case`. */
function commandsOf(places: readonly Place[]): string {
  return places
    .slice(1)
    .map(({ path }) => quoted(path))
    .join("|");
}

function fishLine(name: string, path: string, { text, meaning }: Word): string {
  const what = text.startsWith("--") ? `-l ${text.slice(2)}` : `-f -a ${text}`;
  return `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)} ${what} -d ${quoted(meaning)}\n`;
}

function described({ text, meaning }: Word): string {
  return quoted(`${text}:${meaning.replaceAll(":", "\\:")}`);
}

/** For bash, zsh and fish; the latter reads `'\''` in the same way. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function psQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
