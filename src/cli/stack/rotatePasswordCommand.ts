import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { BLOCKING_REASONS } from '../../operator/resource/conditions.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { follow } from './follow.ts';
import { getStack, parseStack, patchSpec } from './getStack.ts';

export function rotatePasswordCommand(context: CliContext): Command {
  return clusterOptions(new Command('rotate-password'))
    .description('give the managed database of a stack another password, without an outage')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--no-wait', 'do not follow the rotation')
    .action(async (name: string, options: ClusterOptions & { readonly wait: boolean }) => {
      const access = await context.openCluster(options);
      const stored = await getStack(access, name, context);
      if (!stored.spec.database.managed)
        throw new CodedError(
          'Usage',
          `the database of ${name} is not managed by the operator: give a second account of your server the rights of the first, and put its login into Secret ${stored.spec.database.external?.credentialsSecretRef.name}`,
        );
      const request = new Date(systemClock.now()).toISOString();
      const change = { database: { managed: { passwordRotation: request } } };
      const { generation } = parseStack(await patchSpec(access, stored, change, context)).metadata;
      context.stdout.write(`spec.database.managed.passwordRotation of ${name} is now ${request}\n`);
      if (options.wait) await followRotation(access, { name, request, generation }, context);
      else
        context.stdout.write(`\`kubectl get wad ${name} -o yaml\` shows status.database.passwordRotation\n`);
    });
}

interface Followed {
  readonly name: string;
  readonly request: string;
  readonly generation: number;
}

/** Prints a line for each step. @throws CodedError `NotReady`; CommandExit on Ctrl-C, which leaves the rotation going */
async function followRotation(access: ClusterAccess, followed: Followed, context: CliContext): Promise<void> {
  const { name, request } = followed;
  await follow(
    async (tell) => {
      const stack = await getStack(access, name, context);
      const { requested, step } = stack.status?.database?.passwordRotation ?? {};
      const isDone = requested === request && step === undefined;
      tell(isDone ? `the password of ${name} is rotated` : (step ?? 'waiting for the operator'));
      if (isDone) return stack;
      throwIfBlocked(stack, followed);
      return undefined;
    },
    {
      say: (line) => context.stdout.write(`${line}\n`),
      interrupted: `the operator goes on with the rotation; \`kubectl waba status ${name}\` shows the stack`,
    },
    context.signal,
  );
}

function throwIfBlocked({ status }: WhatsAppDeployment, { generation }: Followed): void {
  const ready = status?.conditions?.find(
    ({ type, observedGeneration = 0 }) => type === 'Ready' && observedGeneration >= generation,
  );
  if (ready && ready.status !== 'True' && BLOCKING_REASONS.has(ready.reason))
    throw new CodedError('NotReady', ready.message);
}
