import { Argument, Command, type Option } from 'commander';
import { systemClock, withDeadline } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { kinds } from '../engine/kube/kubeObject.ts';
import { type ClusterOptions, clusterOptions, contextNames } from './clusterAccess.ts';
import type { CliContext } from './context.ts';
import { stackNames } from './stack/getStack.ts';

/** How far a command line has come. */
interface Completed {
  readonly command: Command;
  /** Number of arguments of the command. */
  readonly args: number;
  /** An option whose value is missing. */
  readonly open: Option | undefined;
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

For \`kubectl waba …\`, kubectl's own completion asks kubectl_complete-waba, which the npm package installs; else put
an executable of that name on the PATH that runs: exec kubectl-waba completion-words "$@"`,
    )
    .action((shell: 'bash' | 'zsh' | 'fish', _options: object, command: Command) => {
      context.stdout.write(SCRIPTS[shell](command.parent?.name() ?? 'kubectl-waba'));
    });
}

/** The hidden command that completion scripts and `kubectl_complete-waba` call. */
export const COMPLETION_WORDS = 'completion-words';

/** A cluster that does not answer soon must not hold up a person who types. */
const TIMEOUT_MS = 3_000;

/** Prints the possible next words, one per line, in the form that kubectl expects of a plugin. */
export async function printCompletions(
  program: Command,
  words: readonly string[],
  context: CliContext,
): Promise<void> {
  const wanted = wantedValue(program, words);
  const begun = words.at(-1) ?? '';
  const values = wanted ? await valuesOf(wanted, words, context).catch(() => []) : [];
  const fixed = wanted?.isOption ? [] : nextWords(program, words);
  for (const word of new Set([...values.filter((value) => value.startsWith(begun)), ...fixed]))
    context.stdout.write(`${word}\n`);
  context.stdout.write(':4\n');
}

/** Commands and options that may be the last word. */
export function nextWords(program: Command, words: readonly string[]): string[] {
  const { command } = completed(program, words.slice(0, -1));
  const begun = words.at(-1) ?? '';
  const commands = command.commands.filter((one) => !internals(one)._hidden).map((one) => one.name());
  const flags = [...command.options.flatMap(({ long }) => long ?? []), '--help'];
  return [...(begun.startsWith('-') ? [] : commands), ...flags].filter((word) => word.startsWith(begun));
}

/** What the last word is a value of: of an option, or of an argument of the command. */
interface WantedValue {
  readonly name: string;
  readonly choices: readonly string[];
  readonly isOption: boolean;
}

/** Undefined where no value is wanted, and for `--`. */
function wantedValue(program: Command, words: readonly string[]): WantedValue | undefined {
  const { command, args, open } = completed(program, words.slice(0, -1));
  if (open) return { name: open.long ?? '', choices: open.argChoices ?? [], isOption: true };
  if (words.at(-1)?.startsWith('-')) return undefined;
  const { registeredArguments: known } = command;
  const last = known.at(-1);
  const argument = known[args] ?? (last?.variadic ? last : undefined);
  return argument && { name: argument.name(), choices: argument.argChoices ?? [], isOption: false };
}

/** Values that the kubeconfig and the cluster tell, by option or argument. */
const SOURCES: Readonly<
  Record<string, (options: ClusterOptions, context: CliContext, signal: AbortSignal) => Promise<string[]>>
> = {
  '--context': (options) => contextNames(options),
  '--namespace': namespacesOf,
  namespace: namespacesOf,
  name: async (options, context, signal) => stackNames(await context.openCluster(options), signal),
};

async function namespacesOf(
  options: ClusterOptions,
  context: CliContext,
  signal: AbortSignal,
): Promise<string[]> {
  const { client } = await context.openCluster(options);
  return (await client.list(kinds.Namespace, {}, signal)).items.map(({ metadata }) => metadata.name);
}

async function valuesOf(
  { name, choices }: WantedValue,
  words: readonly string[],
  context: CliContext,
): Promise<readonly string[]> {
  if (choices.length > 0) return choices;
  const late = () => new CodedError('Deadline', `no names within ${TIMEOUT_MS} ms`);
  const deadline = withDeadline(systemClock, context.signal, TIMEOUT_MS, late);
  try {
    return (await SOURCES[name]?.(clusterOf(words), context, deadline.signal)) ?? [];
  } finally {
    deadline.release();
  }
}

/** The options in a line that select the cluster. The last word stands for a value that is not there yet. */
function clusterOf(words: readonly string[]): ClusterOptions {
  const command = clusterOptions(new Command()).allowUnknownOption().allowExcessArguments().exitOverride();
  return command
    .configureOutput({ writeErr: () => {} })
    .parse([...words.slice(0, -1), ''], { from: 'user' })
    .opts();
}

/** What commander knows of a command and does not publish. */
const internals = (command: Command) =>
  command as unknown as { readonly _hidden?: boolean; readonly _defaultCommandName?: string | null };

function completed(program: Command, words: readonly string[]): Completed {
  let command = program;
  let args = 0;
  let open: Option | undefined;
  for (const word of words) {
    if (open) {
      open = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find(
        ({ long, short }) => word === long || word === short,
      );
      if (option && !option.isBoolean() && !option.negate) open = option;
      if (command.commands.length === 0) continue;
    }
    const named = (name: string | null | undefined) => command.commands.find((one) => one.name() === name);
    const exact = named(word);
    const next = exact ?? (word.startsWith('-') ? undefined : named(internals(command)._defaultCommandName));
    if (next) command = next;
    if (!exact && !word.startsWith('-')) args++;
  }
  return { command, args, open };
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
  set -l found (${name} completion-words $tokens[2..-1] 2>/dev/null | string match -v ':*')
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c ${name} -f -a '(__${id(name)})'
`,
};

const id = (name: string): string => name.replace(/\W/g, '_');
