import {
  BLOCKING_REASONS,
  type ConditionType,
  fixOf,
  ownReasons,
} from '../../../operator/resource/conditions.ts';
import { type Check, check, failed, ok, warning } from './check.ts';
import type { StackValues } from './facts.ts';
import { fromCondition } from './fromCondition.ts';

const ask = check<StackValues>();

/** How long the operator may take to look at a change of spec. */
const PATIENCE_MS = 60_000;
const GROUP = 'State';
const STATUS = 'the status of the WhatsAppDeployment';

/** A check that repeats the verdict of the operator. `arises`: whether the question arises for a stack. */
export const conditionCheck = (
  type: ConditionType,
  entry: Pick<Check<StackValues>, 'id' | 'group' | 'asks' | 'mend' | 'wadebug'>,
  arises: (resource: StackValues['resource']) => boolean = () => true,
): Check<StackValues> =>
  ask({
    rule: `failed: the condition ${type} is False for a reason that somebody must mend; warning: the operator is at work`,
    source: STATUS,
    ...entry,
    needs: ['resource'],
    judge: ({ resource }, about) => (arises(resource) ? fromCondition(resource, type, about) : undefined),
  });

export const stateChecks: readonly Check<StackValues>[] = [
  ask({
    id: 'followed',
    group: GROUP,
    asks: 'Has the operator looked at the last change of spec?',
    rule: 'failed: not within a minute; warning: not yet',
    mend: 'See the checks `operator`, `leader` and `operator-rights`.',
    source: STATUS,
    needs: ['resource', 'changedMs'],
    judge: ({ resource: { metadata, status }, changedMs }, { nowMs }) => {
      const seen = status?.observedGeneration ?? 0;
      if (seen >= metadata.generation) return ok(`the operator has reconciled generation ${seen}`);
      const evidence = `the operator has reconciled generation ${seen} of ${metadata.generation}`;
      return nowMs - changedMs > PATIENCE_MS
        ? failed(evidence, 'mend what the checks operator, leader and operator-rights report')
        : warning(evidence, 'wait a minute, and run the doctor again');
    },
  }),
  ask({
    id: 'rest',
    group: GROUP,
    asks: 'Is the stack awake, and may the operator change it?',
    rule: 'warning: it is paused, hibernated or plan-only; failed: its deletion is stuck, or the operator cannot read it',
    mend: '`kubectl waba resume NAME`, or `kubectl waba hibernate NAME --wake`.',
    source: STATUS,
    needs: ['resource'],
    judge: ({ resource }, { name }) => {
      const { metadata, spec, status } = resource;
      if (spec.paused)
        return warning('spec.paused is true: the operator changes nothing', `kubectl waba resume ${name}`);
      if (spec.hibernated)
        return warning(
          'spec.hibernated is true: no pod of the stack runs',
          `kubectl waba hibernate ${name} --wake`,
        );
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      if (
        ready?.status !== 'False' ||
        !(ready.reason in ownReasons('Ready')) ||
        ready.reason === 'Progressing'
      )
        return metadata.deletionTimestamp
          ? warning('the resource is being deleted', `kubectl waba events ${name}`)
          : ok('the operator acts on the resource');
      const tell = BLOCKING_REASONS.has(ready.reason) ? failed : warning;
      const remedy = fixOf(ready.reason)?.replaceAll('NAME', name) ?? `kubectl waba events ${name}`;
      return tell(`${ready.reason}: ${ready.message}`, remedy);
    },
  }),
  conditionCheck('SpecValid', {
    id: 'spec',
    group: GROUP,
    asks: 'Does the operator accept spec, and is the number in no other stack?',
    mend: 'Correct the field that the evidence names.',
  }),
  ask({
    id: 'rollout',
    group: GROUP,
    asks: 'Is a rollout stuck?',
    rule: 'failed: no progress within `spec.upgrade.deadlineSeconds`; warning: pods are restarting',
    mend: 'Correct spec or set it back: `kubectl waba plan NAME` says what is pending.',
    source: STATUS,
    needs: ['resource'],
    judge: ({ resource }, { name }) => {
      const { rollout, plan = [], conditions } = resource.status ?? {};
      const progressing = conditions?.find(({ type }) => type === 'Progressing');
      if (progressing && ['RolloutStopped', 'DeadlineExceeded'].includes(progressing.reason))
        return failed(
          `${progressing.reason}: ${progressing.message}`,
          fixOf(progressing.reason) ?? `\`kubectl waba status ${name}\` shows what it waits for`,
        );
      if (rollout?.next !== undefined)
        return warning(
          `${rollout.done ?? 0} of ${rollout.total ?? 0} pods run the current template; next: ${rollout.next}${rollout.waitingFor ? `, waiting for ${rollout.waitingFor}` : ''}`,
          `follow it with \`kubectl waba status ${name} --watch\``,
        );
      return ok(
        plan.length === 0
          ? 'nothing is pending'
          : `${plan.length} changes wait, see kubectl waba plan ${name}`,
      );
    },
  }),
  conditionCheck('BackupCurrent', {
    id: 'backup',
    group: GROUP,
    asks: 'Is the last good backup as new as its schedule asks?',
    mend: 'Correct what the evidence names, and run `kubectl waba backup NAME`.',
  }),
];
