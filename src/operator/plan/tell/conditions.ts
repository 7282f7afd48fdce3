import { CodedError, describeError } from '../../../base/codedError.ts';
import {
  CONDITION_TYPES,
  type CommonReason,
  type ConditionType,
  commonReasons,
  conditions,
  type ReasonOf,
} from '../../resource/conditions.ts';
import type { Condition } from '../../resource/status.ts';

/** A condition as the plan states it; times and generations are added where status is written. */
export interface Verdict<T extends ConditionType = ConditionType> {
  readonly type: T;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ReasonOf<T>;
  readonly message: string;
}

const verdict =
  (status: Verdict['status']) =>
  <T extends ConditionType>(type: T, reason: ReasonOf<T>, message: string): Verdict<T> => ({
    type,
    status,
    reason,
    message,
  });
export const met = verdict('True');
export const unmet = verdict('False');
export const unknown = verdict('Unknown');

/** A condition that the operator has not got to, because of `earlier`. */
export const waitingFor = <T extends ConditionType>(type: T, earlier: ConditionType): Verdict<T> =>
  unknown(type, 'Waiting', `waiting until ${earlier} is True`);

/** A condition that an error kept from being True. */
export const failed = <T extends ConditionType>(type: T, error: unknown): Verdict<T> =>
  unmet(type, reasonOf(error), describeError(error));

/** Codes of errors that are called otherwise as a reason. */
const RENAMED: Readonly<Record<string, CommonReason>> = {
  AlreadyExists: 'Conflict',
  Deadline: 'NoAnswer',
  ReconcileTimeout: 'NoAnswer',
  Transport: 'NoAnswer',
  Unreachable: 'NoAnswer',
};

/** The reason that stands for an error. The list of reasons is closed; codes of errors are not. */
function reasonOf(error: unknown): CommonReason {
  if (!(error instanceof CodedError)) return 'Error';
  const { code } = error;
  if (code in commonReasons) return code as CommonReason;
  return RENAMED[code] ?? (/^(Api|Http)\d+$/.test(code) ? 'ApiRefused' : 'Error');
}

/** What must hold before the stack counts as Ready, in the order in which it comes about. */
const REQUIRED = CONDITION_TYPES.filter((type) => conditions[type].reportedBy !== 'summary');

/** The summary. A condition of another generation than the present one does not count. */
export function readiness(
  known: readonly Pick<Condition, 'type' | 'status' | 'reason' | 'message' | 'observedGeneration'>[],
  generation: number,
): Verdict<'Ready'> {
  for (const type of REQUIRED) {
    const condition = known.find((candidate) => candidate.type === type);
    if (!condition) return unmet('Ready', 'Progressing', `${type} is not known yet`);
    if ((condition.observedGeneration ?? generation) !== generation)
      return unmet('Ready', 'Progressing', `${type} is not known for this generation yet`);
    if (condition.status !== 'True')
      // What another controller wrote came from the same table.
      return unmet('Ready', condition.reason as ReasonOf<'Ready'>, `${type}: ${condition.message}`);
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
