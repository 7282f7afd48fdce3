import { type ConditionType, fixOf } from '../../../operator/resource/conditions.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { type About, type Finding, failed, ok, unknown, warning } from './check.ts';

/** Reasons for which nothing is known of the subject of a condition, whatever its status. */
const NOT_LOOKED: readonly string[] = [
  'Waiting',
  'Unknown',
  'Hibernating',
  'Hibernated',
  'NotProbed',
  'NoBackupYet',
];
/** Reasons that tell of a danger ahead, or of a decision that is due, while all still works. */
const DANGERS: readonly string[] = [
  'Expiring',
  'ExpiresIn60Days',
  'ExpiresIn30Days',
  'ExpiresIn14Days',
  'ExpiresIn7Days',
  'Suspended',
  'WaitingForApproval',
  'WaitingForDeletion',
];
/** Work that takes as long as it takes. The check `rollout` tells when it makes no progress. */
const LONG_WORK: readonly string[] = [
  'RollingOut',
  'SwitchingTopology',
  'Upgrading',
  'Resharding',
  'WaitingForRollout',
  'WaitingForWindow',
  'Restoring',
];
/** Reasons with a fix that is needed only if they last: `If it lasts, …`. */
export const PASSING: readonly string[] = [
  'PodsNotReady',
  'Connecting',
  'ClusterNotServing',
  'LoadBalancerPending',
  'Pending',
  'WrongCertificate',
  'Evicted',
];
/** How long work that needs nobody may take before it counts as stuck. */
const PATIENCE_MS = 10 * 60_000;

/** What the operator found out itself: the finding that a condition of the stack stands for. */
export function fromCondition(
  { status }: WhatsAppDeployment,
  type: ConditionType,
  { name, nowMs }: Pick<About, 'name' | 'nowMs'>,
): Finding {
  const condition = status?.conditions?.find((each) => each.type === type);
  if (!condition) return unknown(`the operator has not reported the condition ${type} yet`);
  const { status: state, reason, message } = condition;
  const evidence = `${type} is ${state}, ${reason}: ${message}`;
  const remedy = fixOf(reason)?.replaceAll('NAME', name);
  if (state === 'Unknown' || NOT_LOOKED.includes(reason)) return unknown(evidence);
  if (DANGERS.includes(reason)) return warning(evidence, remedy);
  if (state === 'True') return ok(message);
  if (remedy !== undefined && !PASSING.includes(reason)) return failed(evidence, remedy);
  const hasLasted = nowMs - Date.parse(condition.lastTransitionTime) > PATIENCE_MS;
  const watch = `kubectl waba status ${name} --watch`;
  return hasLasted && !LONG_WORK.includes(reason)
    ? failed(
        [evidence, 'this has lasted for more than 10 minutes'],
        remedy ?? `\`${watch}\` shows what it waits for`,
      )
    : warning([evidence, 'the operator is at work'], `wait, and follow it with \`${watch}\``);
}
