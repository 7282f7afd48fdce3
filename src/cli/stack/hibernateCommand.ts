import { Command } from 'commander';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { getStack, patchSpec } from './getStack.ts';

interface HibernateOptions extends ClusterOptions {
  readonly wake?: true;
}

export function hibernateCommand(context: CliContext): Command {
  return clusterOptions(new Command('hibernate'))
    .description('stop all pods of a stack and keep its data and registration: sets spec.hibernated')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--wake', 'start the stack again, with the same registration')
    .action(async (name: string, { wake, ...options }: HibernateOptions) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      await patchSpec(access, stack, { hibernated: !wake }, context);
      context.stdout.write(
        wake
          ? `${name} wakes: its database starts, then its nodes; \`kubectl waba status ${name}\` shows the progress\n`
          : `${name} hibernates: its pods stop, and its data and registration stay; \`kubectl waba hibernate ${name} --wake\` starts it again\n`,
      );
      if (stack.spec.paused)
        context.stdout.write(`${name} is paused, so nothing happens until \`kubectl waba resume ${name}\`\n`);
    });
}
