import { CONDITION_TYPES, type Condition, type ConditionType } from '../../resource/status.ts';

/** A condition as the plan states it; times and generations are added where status is written. */
export interface Verdict {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

const verdict =
  (status: Verdict['status']) =>
  (type: ConditionType, reason: string, message: string): Verdict => ({ type, status, reason, message });
export const met = verdict('True');
export const unmet = verdict('False');
export const unknown = verdict('Unknown');

/** What is told and does not keep the stack from being Ready. */
const INFORMATIVE: readonly ConditionType[] = ['BackupCurrent', 'Progressing', 'Paused', 'Ready'];
/** What must hold before the stack counts as Ready, in the order in which it comes about. */
const REQUIRED = CONDITION_TYPES.filter((type) => !INFORMATIVE.includes(type));

/** Conditions that the application controller states; the workloads controller only counts them. */
export const APPLICATION_CONDITIONS: readonly ConditionType[] = [
  'ApiReachable',
  'Registered',
  'ShardsServed',
  'SettingsSynced',
  'CertificatesReady',
  'WebhookReady',
  'BuildCurrent',
];

/** The summary. A condition of another generation than the present one does not count. */
export function readiness(
  conditions: readonly (Verdict & { readonly observedGeneration?: number | undefined })[],
  generation: number,
): Verdict {
  for (const type of REQUIRED) {
    const condition = conditions.find((candidate) => candidate.type === type);
    if (!condition) return unmet('Ready', 'Progressing', `${type} is not known yet`);
    if ((condition.observedGeneration ?? generation) !== generation)
      return unmet('Ready', 'Progressing', `${type} is not known for this generation yet`);
    if (condition.status !== 'True') return unmet('Ready', condition.reason, `${type}: ${condition.message}`);
  }
  return met('Ready', 'Ready', 'the stack is running, registered and configured');
}

/** Conditions as they are stored: the time changes only with the status. */
export function stamp(
  verdicts: readonly Verdict[],
  previous: readonly Condition[],
  generation: number,
  now: number,
): Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const before = previous.find((condition) => condition.type === type);
    const since =
      before && before.status === status
        ? before.lastTransitionTime
        : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    return {
      type,
      status,
      reason,
      message: message.slice(0, 4096),
      observedGeneration: generation,
      lastTransitionTime: since,
    };
  });
}
