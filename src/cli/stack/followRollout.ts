import { CodedError } from '../../base/codedError.ts';
import { BLOCKING_REASONS } from '../../operator/resource/conditions.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { follow } from './follow.ts';
import { conditionOf, getStack, isReady } from './getStack.ts';

/**
 * Prints a line whenever the rollout of a generation gets further, until the stack is Ready.
 * @throws CodedError `RolloutStopped`, `NotReady` with what to do; CommandExit on Ctrl-C, which leaves the rollout going
 */
export async function followRollout(
  access: ClusterAccess,
  { name, generation }: WhatsAppDeployment['metadata'],
  context: CliContext,
): Promise<void> {
  await follow(
    async (tell) => {
      const stack = await getStack(access, name, context);
      tell(progressLine(stack, generation));
      if (isReady(stack, generation)) return stack;
      throwIfStopped(stack, generation);
      return undefined;
    },
    {
      say: (line) => context.stdout.write(`${line}\n`),
      interrupted: `the operator goes on with the rollout of ${name}; \`kubectl waba status ${name}\` shows it, \`kubectl waba pause ${name}\` halts it`,
    },
    context.signal,
  );
}

function progressLine(stack: WhatsAppDeployment, generation: number): string {
  const ready = conditionOf(stack, 'Ready', generation);
  if (!ready) return 'waiting for the operator';
  if (ready.status === 'True') return `${stack.metadata.name} is Ready`;
  const { rollout } = stack.status ?? {};
  if (!rollout) return `${ready.reason}: ${ready.message}`;
  const { done = 0, total = 0, next, waitingFor } = rollout;
  const turn = next ? `; next is ${next}` : '';
  return `${done} of ${total} pods run the new template${turn}${waitingFor ? `, which waits for ${waitingFor}` : ''}`;
}

function throwIfStopped(stack: WhatsAppDeployment, generation: number): void {
  const progressing = conditionOf(stack, 'Progressing', generation);
  if (progressing?.reason === 'RolloutStopped' || progressing?.reason === 'DeadlineExceeded')
    throw new CodedError('RolloutStopped', progressing.message);
  const ready = conditionOf(stack, 'Ready', generation);
  if (ready && BLOCKING_REASONS.has(ready.reason)) throw new CodedError('NotReady', ready.message);
}
