import { describe, expect, it } from 'vitest';
import { StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { CONDITION_TYPES, type ConditionType } from '../../resource/conditions.ts';
import type { Condition } from '../../resource/status.ts';
import { met, unmet, type Verdict } from './conditions.ts';
import { summarise } from './summary.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const HOUR_AGO = '2026-03-01T11:00:00Z';
const was = (type: string, status: 'True' | 'False'): Condition => ({
  type,
  status,
  reason: type,
  message: '',
  lastTransitionTime: HOUR_AGO,
});
const told = (spec: object, stored: readonly Condition[], reported: readonly Verdict[] = []) =>
  summarise({
    observed: new StackModel(whatsAppDeployment({ spec })).observed(),
    stored,
    reported,
    progressing: undefined,
    rollout: undefined,
    nowMs: NOW_MS,
  });

describe('the summary of a stack at rest', () => {
  it('says since when it is paused', () => {
    const now = told({ paused: true }, [was('Paused', 'False')]);
    expect(now.Ready).toMatchObject({
      reason: 'Paused',
      message: 'spec.paused is true, since 2026-03-01T12:00:00Z',
    });
    const later = told({ paused: true }, [was('Paused', 'True')]);
    expect(later.Ready.message).toBe(`spec.paused is true, since ${HOUR_AGO}`);
  });

  it('is Hibernated only when everything has stopped, and then nothing is late', () => {
    const stopping = [unmet('WorkloadsReady', 'Hibernating', 'waiting for the database to stop')];
    expect(told({ hibernated: true }, [], stopping)).toMatchObject({
      Hibernated: { status: 'False', reason: 'Hibernating' },
      Ready: { reason: 'Hibernating', message: 'waiting for the database to stop' },
      Progressing: { status: 'True' },
    });
    const asleep = [unmet('WorkloadsReady', 'Hibernated', 'all pods are stopped')];
    expect(told({ hibernated: true }, [was('Hibernated', 'True')], asleep)).toMatchObject({
      Hibernated: { status: 'True' },
      Ready: { status: 'False', reason: 'Hibernated', message: `all pods are stopped, since ${HOUR_AGO}` },
      Progressing: { status: 'False', reason: 'Hibernated' },
    });
    expect(told({ hibernated: true, paused: true }, [], asleep).Ready.reason).toBe('Paused');
  });

  it('has nothing that is late while new shards wait for the user', () => {
    const conditions = CONDITION_TYPES.map((type) => met<ConditionType>(type, 'Waiting', ''));
    const waits = unmet<ConditionType>('ShardsServed', 'WaitingForApproval', 'from 2 to 4 shards: waits');
    const reported = [...conditions.filter(({ type }) => type !== 'ShardsServed'), waits];
    expect(told({}, [was('Progressing', 'True')], reported)).toMatchObject({
      Ready: { status: 'False', reason: 'WaitingForApproval' },
      Progressing: { status: 'False', reason: 'WaitingForApproval' },
    });
  });
});
