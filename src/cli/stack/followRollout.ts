import { sleep, systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { BLOCKING_REASONS } from '../../operator/resource/conditions.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import { CommandExit, INTERRUPTED } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { conditionOf, getStack, isReady } from './getStack.ts';

const EVERY_MS = 1_000;

/**
 * Prints a line whenever the rollout of a generation gets further, until the stack is Ready.
 * @throws CodedError `RolloutStopped`, `NotReady` with what to do; CommandExit on Ctrl-C, which leaves the rollout going
 */
export async function followRollout(
  access: ClusterAccess,
  { name, generation }: WhatsAppDeployment['metadata'],
  context: CliContext,
): Promise<void> {
  const { stdout, signal } = context;
  let shown = '';
  try {
    for (;;) {
      const stack = await getStack(access, name, context);
      const line = progressLine(stack, generation);
      if (line !== shown) stdout.write(`${line}\n`);
      shown = line;
      if (isReady(stack, generation)) return;
      throwIfStopped(stack, generation);
      await sleep(systemClock, EVERY_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    stdout.write(
      `the operator goes on with the rollout of ${name}; \`kubectl waba status ${name}\` shows it, \`kubectl waba pause ${name}\` halts it\n`,
    );
    throw new CommandExit(INTERRUPTED);
  }
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
