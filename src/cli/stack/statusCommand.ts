import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isForbidden } from '../../engine/kube/apiError.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { CommandExit, NOT_READY } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { isColoured } from '../isColoured.ts';
import { isData, outputOption, printData } from '../output.ts';
import { shortAge } from '../shortAge.ts';
import { table } from '../table.ts';
import { getStack, isReady, listStacks } from './getStack.ts';
import { eventsOf, type StackEvent } from './stackEvents.ts';
import { objectLines, readObjects } from './stackObjects.ts';
import { statusTree } from './statusTree.ts';

interface StatusOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly watch?: boolean;
  readonly verbose?: boolean;
  readonly exitCode?: boolean;
  readonly output: string;
}

const EVERY_MS = 2_000;
const RECENT_EVENTS = 5;

export function statusCommand(context: CliContext): Command {
  return clusterOptions(new Command('status'))
    .description(
      'show a stack as a tree: nodes, shards, registration, conditions, events, and what to do next',
    )
    .argument('[name]', 'the WhatsAppDeployment (default: all in the namespace)')
    .option('-A, --all-namespaces', 'show the stacks of all namespaces')
    .option('-l, --selector <labels>', 'show the stacks with these labels, such as tier=prod')
    .option('-v, --verbose', 'show controllers and pods too, with restarts, revisions and ages')
    .option('-w, --watch', 'show it again whenever it changes, until interrupted')
    .option('--exit-code', 'end with 3 if a stack is not Ready')
    .addOption(outputOption('wide', 'name'))
    .action(async (name: string | undefined, options: StatusOptions) => {
      if (name !== undefined && (options.allNamespaces || options.selector))
        throw new CodedError('Usage', 'give either a NAME, or -A and -l, which select several stacks');
      const access = await context.openCluster(options);
      let shown = '';
      let stacks: readonly WhatsAppDeployment[] = [];
      do {
        stacks = name ? [await getStack(access, name, context)] : await listStacks(access, context, options);
        // The age of an event changes by itself, and is no reason to show everything again.
        const seen = JSON.stringify(stacks);
        if (seen !== shown) await print(access, stacks, { ...options, name }, context);
        shown = seen;
        if (options.watch) await sleep(systemClock, EVERY_MS, context.signal).catch(() => {});
      } while (options.watch && !context.signal.aborted);
      if (options.exitCode && !stacks.every((stack) => isReady(stack))) throw new CommandExit(NOT_READY);
    });
}

async function print(
  access: ClusterAccess,
  stacks: readonly WhatsAppDeployment[],
  options: StatusOptions & { readonly name: string | undefined },
  context: CliContext,
): Promise<void> {
  const { output } = options;
  const { stdout } = context;
  if (isData(output)) {
    const all = stacks.map(dataOf);
    return printData(context, output, options.name ? all[0] : all);
  }
  if (output === 'name') {
    for (const { metadata } of stacks)
      stdout.write(`whatsappdeployment.waba-operator.dev/${metadata.name}\n`);
    return;
  }
  if (stacks.length === 0) {
    const where = options.allNamespaces ? 'in any namespace' : `in namespace ${access.namespace}`;
    const hint = options.allNamespaces ? '' : '; `kubectl waba status -A` shows all';
    context.stderr.write(`no WhatsAppDeployment ${where}${hint}\n`);
    return;
  }
  if (output === 'wide') return void stdout.write(wideTable(stacks));
  for (const stack of stacks) {
    const events = (await readEvents(access, stack, context)).slice(-RECENT_EVENTS);
    const nowMs = systemClock.now();
    const objects = options.verbose
      ? objectLines(await readObjects(access, stack, context.signal), nowMs)
      : undefined;
    const look = { colour: isColoured(context, stdout), withNamespace: options.allNamespaces === true };
    stdout.write(statusTree(stack, { ...look, events, objects, nowMs }));
  }
}

/** Who may see the stack need not see its events. */
const readEvents = (
  access: ClusterAccess,
  stack: WhatsAppDeployment,
  context: CliContext,
): Promise<readonly StackEvent[]> =>
  eventsOf(access, stack.metadata, context.signal).catch((error: unknown) => {
    if (isForbidden(error)) return [];
    throw error;
  });

const dataOf = ({ metadata, spec, status }: WhatsAppDeployment): object => ({
  name: metadata.name,
  namespace: metadata.namespace,
  phoneNumber: spec.phoneNumber,
  status,
});

const wideTable = (stacks: readonly WhatsAppDeployment[]): string =>
  table(
    ['NAMESPACE', 'NAME', 'NUMBER', 'STATE', 'READY', 'SHARDS', 'NODES', 'VERSION', 'AGE'],
    stacks.map(({ metadata, spec, status = {} }) => {
      const { nodes = [], shards, conditions = [] } = status;
      const created = metadata.creationTimestamp;
      return [
        metadata.namespace,
        metadata.name,
        spec.phoneNumber,
        status.phase ?? '-',
        conditions.find(({ type }) => type === 'Ready')?.reason ?? '-',
        shards ? `${shards.served ?? 0}/${shards.desired ?? 0}` : '-',
        `${nodes.filter(({ ready }) => ready).length}/${nodes.length}`,
        status.client?.version ?? '-',
        created ? shortAge(systemClock.now() - Date.parse(created)) : '-',
      ];
    }),
  );
