import { CodedError, describeError } from '../../../base/codedError.ts';
import {
  CONDITION_TYPES,
  type CommonReason,
  type ConditionType,
  commonReasons,
  isRequired,
  type ReasonOf,
} from '../../resource/conditions.ts';
import type { Condition } from '../../resource/status.ts';
import { denialIn } from './denial.ts';

/** A condition without time and generation; `stamp` adds them. */
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

/** A condition that the operator cannot judge until `earlier` is True. */
export const waitingFor = <T extends ConditionType>(type: T, earlier: ConditionType): Verdict<T> =>
  unknown(type, 'Waiting', `waiting until ${earlier} is True`);

const LAST_KNOWN = ' (last known: ';

/** A condition that could not be looked at says what it was: that is more than a condition that never was looked at. */
export function withLastKnown(verdict: Verdict, stored: readonly Condition[]): Verdict {
  const before = stored.find(({ type }) => type === verdict.type);
  if (verdict.reason !== 'Waiting' || !before || before.reason === 'Waiting') return verdict;
  const at = before.message.indexOf(LAST_KNOWN);
  // The stored condition may be of a pass that could not look either.
  const known =
    before.reason === 'Unknown' && at >= 0
      ? before.message.slice(at + LAST_KNOWN.length, -1)
      : `${before.status} ${before.reason}: ${before.message}`;
  return {
    ...verdict,
    reason: 'Unknown',
    message: `not looked at, ${verdict.message}${LAST_KNOWN}${known})`,
  };
}

/** A condition whose step failed with an error. */
export const failed = <T extends ConditionType>(type: T, error: unknown): Verdict<T> =>
  unmet(type, reasonOf(error), describeError(error));

/** Error codes whose reason has another name. */
const RENAMED: Readonly<Record<string, CommonReason>> = {
  AlreadyExists: 'Conflict',
  Deadline: 'NoAnswer',
  ReconcileTimeout: 'NoAnswer',
  Transport: 'NoAnswer',
  Unreachable: 'NoAnswer',
};

/** The reason for an error. The list of reasons is closed, the list of error codes is not. */
export function reasonOf(error: unknown): CommonReason {
  if (!(error instanceof CodedError)) return 'Error';
  const { code } = error;
  const denial = code === 'Forbidden' || code === 'Invalid' ? denialIn(error.message) : undefined;
  if (denial) return denial;
  if (code in commonReasons) return code as CommonReason;
  return RENAMED[code] ?? (/^(Api|Http)\d+$/.test(code) ? 'ApiRefused' : 'Error');
}

/** Conditions that must be True before the stack is Ready, in order. */
const REQUIRED = CONDITION_TYPES.filter(isRequired);

/** The Ready condition. Conditions of an older generation do not count. */
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
      // The other controller took the reason from the same table.
      return unmet('Ready', condition.reason as ReasonOf<'Ready'>, `${type}: ${condition.message}`);
  }
  return met('Ready', 'Ready', 'the stack is running, registered and configured');
}

/** As in `lastTransitionTime`. */
export const conditionTime = (nowMs: number): string => new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');

/** Conditions for storage: the transition time changes only with the status. */
export function stamp(
  verdicts: readonly Verdict[],
  previous: readonly Condition[],
  generation: number,
  now: number,
): Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const before = previous.find((condition) => condition.type === type);
    const since = before && before.status === status ? before.lastTransitionTime : conditionTime(now);
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
