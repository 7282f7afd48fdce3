import { Command, InvalidArgumentError } from 'commander';
import { SHARD_COUNTS } from '../../onprem/account.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isData, outputOption, printData } from '../output.ts';
import { table } from '../table.ts';
import { APPROVE_OPTION, approve, getStack, parseStack, patchSpec } from './getStack.ts';

function parseShards(text: string): number {
  const count = Number(text);
  if (!SHARD_COUNTS.some((known) => known === count))
    throw new InvalidArgumentError(`Use one of ${SHARD_COUNTS.join(', ')}.`);
  return count;
}

interface ShardsOptions extends ClusterOptions {
  readonly set?: number;
  readonly approve?: boolean;
  readonly output: string;
}

export function shardsCommand(context: CliContext): Command {
  return clusterOptions(new Command('shards'))
    .description('show which Coreapp owns each shard; with --set, change the number of shards')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--set <count>', 'number of shards to declare in spec.multiconnect.shards', parseShards)
    .option(...APPROVE_OPTION)
    .addOption(outputOption())
    .action(async (name: string, options: ShardsOptions) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      if (options.set !== undefined) {
        const spec = { multiconnect: { shards: options.set } };
        const patched = parseStack(await patchSpec(access, stack, spec, context));
        if (options.approve) await approve(access, patched, context);
        context.stdout.write(
          `spec.multiconnect.shards is now ${options.set}; \`kubectl waba shards ${name}\` shows the progress\n`,
        );
        return;
      }
      const { desired = 0, served = 0, owners = {} } = stack.status?.shards ?? {};
      const nodes = stack.status?.nodes ?? [];
      const shards = Array.from(
        { length: Math.max(desired, ...Object.keys(owners).map((key) => Number(key) + 1)) },
        (_, shard) => {
          const owner = owners[String(shard)];
          const node = nodes.find((candidate) => candidate.name === owner);
          return { shard, owner: owner ?? null, gatewayStatus: node?.gatewayStatus ?? null };
        },
      );
      const condition = stack.status?.conditions?.find(({ type }) => type === 'ShardsServed');
      if (isData(options.output))
        return printData(context, options.output, { desired, served, shards, condition });
      const rows = shards.map(({ shard, owner, gatewayStatus }) => [
        String(shard),
        owner ?? '-',
        gatewayStatus ?? '-',
      ]);
      context.stdout.write(table(['SHARD', 'OWNER', 'GATEWAY'], rows));
      context.stdout.write(`\n${condition?.message ?? `${served} of ${desired} shards are served`}\n`);
    });
}
