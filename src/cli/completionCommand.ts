import { Argument, Command } from 'commander';
import type { CliContext } from './context.ts';

interface Completed {
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly string[];
}

export function completionCommand(context: CliContext): Command {
  return new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
bash:  source <(kubectl-waba completion bash)
zsh:   source <(kubectl-waba completion zsh)
fish:  kubectl-waba completion fish | source

To complete \`kubectl waba …\`, put an executable kubectl_complete-waba on the PATH that runs:
  exec kubectl-waba completion-words "$@"`,
    )
    .action((shell: 'bash' | 'zsh' | 'fish', _options: object, command: Command) => {
      context.stdout.write(SCRIPTS[shell](command.parent?.name() ?? 'kubectl-waba'));
    });
}

/** Prints the possible next words, one per line, in the form that kubectl expects of a plugin. */
export function completionWordsCommand(context: CliContext): Command {
  return new Command('completion-words')
    .argument('[words...]', 'words of the command line so far; the last may be empty')
    .allowUnknownOption()
    .action((words: string[], _options: object, command: Command) => {
      for (const word of nextWords(command.parent ?? command, words)) context.stdout.write(`${word}\n`);
      context.stdout.write(':4\n');
    });
}

/** Commands and options that may be the last word. */
export function nextWords(program: Command, words: readonly string[]): string[] {
  const { commands, flags } = completed(program, words.slice(0, -1));
  const begun = words.at(-1) ?? '';
  return [...(begun.startsWith('-') ? [] : commands.map(({ name }) => name)), ...flags].filter((word) =>
    word.startsWith(begun),
  );
}

/** What commander knows of a command and does not publish. */
const internals = (command: Command) =>
  command as unknown as { readonly _hidden?: boolean; readonly _defaultCommandName?: string | null };

function completed(program: Command, words: readonly string[]): Completed {
  let current = program;
  const path: string[] = [];
  for (const word of words) {
    const named = (name: string | null | undefined) =>
      current.commands.find((command) => command.name() === name);
    const next =
      named(word) ?? (word.startsWith('-') ? undefined : named(internals(current)._defaultCommandName));
    if (!next) continue;
    current = next;
    path.push(word);
  }
  return {
    path,
    commands: current.commands
      .filter((command) => !internals(command)._hidden)
      .map((command) => ({ name: command.name(), description: command.description() })),
    flags: [...current.options.flatMap(({ long }) => long ?? []), '--help'],
  };
}

const SCRIPTS: Readonly<Record<'bash' | 'zsh' | 'fish', (name: string) => string>> = {
  bash: (name) => `_${id(name)}() {
  local words
  words=$(${name} completion-words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | grep -v '^:')
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${id(name)} ${name}
`,
  zsh: (name) => `#compdef ${name}
_${id(name)}() {
  local -a words_next
  words_next=(\${(f)"$(${name} completion-words "\${words[@]:1:$((CURRENT-1))}" 2>/dev/null | grep -v '^:')"})
  compadd -- $words_next || _files
}
compdef _${id(name)} ${name}
`,
  fish: (name) => `function __${id(name)}
  set -l tokens (commandline -opc) (commandline -ct)
  ${name} completion-words $tokens[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c ${name} -a '(__${id(name)})'
`,
};

const id = (name: string): string => name.replace(/\W/g, '_');
