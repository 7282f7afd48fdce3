import { APPLICATION_CONDITIONS, BLOCKING_REASONS } from '../../resource/conditions.ts';
import type { WhatsAppDeploymentStatus } from '../../resource/status.ts';
import { met, stamp, type Verdict } from './conditions.ts';

/**
 * The workloads controller's part of a stored status with another Ready, for a pass that could observe nothing else: the
 * rest is the last that is known.
 */
export function retold(
  previous: WhatsAppDeploymentStatus | undefined,
  ready: Verdict<'Ready'>,
  generation: number,
  nowMs: number,
): WhatsAppDeploymentStatus {
  const { conditions = [], registration: _, webhook: __, phase, ...rest } = previous ?? {};
  const progressing = met('Progressing', ready.reason, ready.message);
  const kept = conditions.filter(
    ({ type }) =>
      !['Ready', 'Progressing'].includes(type) && !APPLICATION_CONDITIONS.some((known) => known === type),
  );
  const told = phaseOf(ready) ?? phase;
  return {
    ...rest,
    ...(told === undefined ? {} : { phase: told }),
    conditions: [...kept, ...stamp([progressing, ready], conditions, generation, nowMs)],
  };
}

function phaseOf({ reason }: Verdict<'Ready'>): string | undefined {
  if (BLOCKING_REASONS.has(reason)) return 'Blocked';
  return reason === 'Deleting' || reason === 'NamespaceTerminating' ? 'Deleting' : undefined;
}
