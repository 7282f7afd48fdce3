import { Command, Option } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { followRollout } from './followRollout.ts';
import { getStack, parseStack, patchSpec } from './getStack.ts';

interface RestartOptions extends ClusterOptions {
  readonly role?: Role;
  readonly wait: boolean;
}

const ROLES = ['webapp', 'master', 'coreapp'] as const;
type Role = (typeof ROLES)[number];

/** The annotation by which `kubectl rollout restart` restarts pods. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

export function restartCommand(context: CliContext): Command {
  return clusterOptions(new Command('restart'))
    .description('restart the pods of a stack one after another, as the operator does for any change')
    .argument('<name>', 'the WhatsAppDeployment')
    .addOption(new Option('--role <role>', 'restart only the pods of this role').choices([...ROLES]))
    .option('--no-wait', 'do not follow the rollout')
    .addHelpText(
      'after',
      `
Sets the annotation ${RESTARTED_AT} in spec.nodes.ROLE.podTemplate.annotations. A tool that writes the whole resource anew,
such as Flux or Argo CD, removes it again, which is another restart: set the annotation in its source instead.`,
    )
    .action(async (name: string, options: RestartOptions) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      const isThere = (role: Role) => role !== 'master' || stack.spec.topology === 'HighAvailability';
      const annotations = { [RESTARTED_AT]: new Date(systemClock.now()).toISOString() };
      const roles = options.role ? [options.role] : ROLES.filter(isThere);
      const nodes = Object.fromEntries(roles.map((role) => [role, { podTemplate: { annotations } }]));
      const { metadata } = parseStack(await patchSpec(access, stack, { nodes }, context));
      context.stdout.write(`${name} restarts: ${roles.join(', ')}\n`);
      if (options.wait) await followRollout(access, metadata, context);
      else context.stdout.write(`\`kubectl waba status ${name}\` shows the progress\n`);
    });
}
