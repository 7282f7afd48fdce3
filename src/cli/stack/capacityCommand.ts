import { Command, InvalidArgumentError } from 'commander';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { type StackSize, stackSize } from '../../operator/plan/facts/stackSize.ts';
import type { Forecast } from '../../operator/plan/foresee/forecast.ts';
import { RESHARD } from '../../operator/plan/foresee/foreseenCalls.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isColoured } from '../isColoured.ts';
import { isData, outputOption, printData } from '../output.ts';
import { shortSize } from '../shortSize.ts';
import { table } from '../table.ts';
import { forecastOf } from './forecastOf.ts';
import { forecastText } from './forecastText.ts';
import { APPROVE_OPTION, approve, getStack, parseStack, patchSpec } from './getStack.ts';

interface CapacityOptions extends ClusterOptions {
  readonly messagesPerSecond?: number;
  readonly apply?: boolean;
  readonly approve?: boolean;
  readonly output: string;
}

/** The vendor supports no more: see the field of spec. */
const MOST = 250;

function parseRate(text: string): number {
  const rate = Number(text);
  if (!Number.isInteger(rate) || rate < 1 || rate > MOST)
    throw new InvalidArgumentError(`Use a whole number of messages per second from 1 to ${MOST}.`);
  return rate;
}

export function capacityCommand(context: CliContext): Command {
  return clusterOptions(new Command('capacity'))
    .description('show how large a stack is, and what another throughput would change; --apply changes it')
    .argument('<name>', 'the WhatsAppDeployment')
    .option(
      '--messages-per-second <rate>',
      'the throughput to plan for (spec.capacity.messagesPerSecond)',
      parseRate,
    )
    .option('--apply', 'set the throughput in spec; without it, nothing is stored')
    .option(...APPROVE_OPTION)
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Shards and Webapps for a rate come from the tables of the vendor. Sizes count the nodes, not the database. --apply removes
spec.multiconnect, which excludes spec.capacity.`,
    )
    .action(async (name: string, options: CapacityOptions) => {
      const { messagesPerSecond, apply = false, output } = options;
      const access = await context.openCluster(options);
      const stored = await getStack(access, name, context);
      const now = stackSize(stored);
      if (messagesPerSecond === undefined) {
        if (isData(output)) printData(context, output, { now });
        else context.stdout.write(sizes(now, undefined));
        return;
      }
      const spec = { capacity: { messagesPerSecond }, multiconnect: null };
      const target = { namespace: access.namespace, name, dryRun: true };
      const answer = await access.client.mergePatch<KubeObject>(
        WhatsAppDeploymentKind,
        target,
        { spec },
        context.signal,
      );
      const resource = parseStack(answer);
      const [then, forecast] = [
        stackSize(resource),
        await forecastOf(access, { resource, stored }, new Map(), context),
      ];
      if (isData(output)) printData(context, output, { now, then, forecast });
      else {
        const look = { colour: isColoured(context, context.stdout), diff: false };
        context.stdout.write(`${sizes(now, then)}\n${interruption(now, then, forecast)}\n`);
        context.stdout.write(forecastText(forecast, look));
      }
      if (!apply) return;
      const patched = parseStack(await patchSpec(access, stored, spec, context));
      if (options.approve) await approve(access, patched, context);
      tell(stored, messagesPerSecond, output, context);
    });
}

function tell(
  { metadata: { name }, spec }: WhatsAppDeployment,
  rate: number,
  output: string,
  context: CliContext,
) {
  if (isData(output)) return;
  context.stdout.write(
    `spec.capacity.messagesPerSecond of ${name} is now ${rate}; \`kubectl waba status ${name}\` shows the progress\n`,
  );
  if (spec.paused)
    context.stdout.write(`${name} is paused, so nothing happens until \`kubectl waba resume ${name}\`\n`);
}

const ROWS: readonly (readonly [head: string, cell: (size: StackSize) => string])[] = [
  ['messages/s', ({ messagesPerSecond }) => String(messagesPerSecond ?? '-')],
  ['shards', ({ shards }) => String(shards)],
  ['Coreapps', ({ coreapps }) => String(coreapps)],
  ['Masters', ({ masters }) => String(masters)],
  ['Webapps', ({ webapps }) => String(webapps)],
  ['CPU requested', ({ requests }) => String(requests.cpuCores)],
  ['memory requested', ({ requests }) => shortSize(requests.memoryBytes)],
  ['database connections', ({ connections }) => String(connections)],
];

const sizes = (now: StackSize, then: StackSize | undefined): string =>
  table(
    ['', 'NOW', ...(then ? ['THEN'] : [])],
    ROWS.map(([head, cell]) => [head, cell(now), ...(then ? [cell(then)] : [])]),
  );

/** What the change of the number of shards does to the traffic. */
function interruption(now: StackSize, then: StackSize, { entries }: Forecast): string {
  if (now.shards === then.shards) return 'The number of shards stays: no shard is interrupted for it.';
  const change = `from ${now.shards} to ${then.shards} shards`;
  return entries.some(({ action, target }) => action === 'Call' && target === RESHARD)
    ? `The number changes ${change} once all new Coreapps have joined. Then every shard logs in again: expect a short interruption of all traffic. The vendor tells no duration.`
    : `The number does not change ${change} yet; the lines below "waits" say why.`;
}
