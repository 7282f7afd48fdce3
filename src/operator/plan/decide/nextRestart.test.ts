import { describe, expect, it } from 'vitest';
import { podView } from '../../../../test/support/podView.ts';
import type { PodView } from '../facts/observed.ts';
import { nextRestart, type Situation, type Slot } from './nextRestart.ts';

const slot = (
  name: string,
  state: Slot['state'],
  changes: Partial<Slot> & { readonly podChanges?: Partial<PodView> } = {},
): Slot => {
  const { podChanges, ...rest } = changes;
  const role = name.startsWith('master') ? 'master' : name.startsWith('coreapp') ? 'coreapp' : 'database';
  const pod = podView({ name: `${name}-0`, component: role, resourceVersion: '10', ...podChanges });
  return { key: `StatefulSet/${name}`, role, state, pod, isPrimary: false, isSurplus: false, ...rest };
};
const decide = (slots: readonly Slot[], changes: Partial<Situation> = {}) =>
  nextRestart({
    slots,
    unsettled: [],
    refused: undefined,
    forbidden: undefined,
    handsOff: undefined,
    nodesWaitFor: undefined,
    obstacle: undefined,
    obstacleOf: () => undefined,
    ticket: undefined,
    ...changes,
  });
const next = (...of: Parameters<typeof decide>) => decide(...of).next?.key;

describe('the next restart', () => {
  it('takes the roles in their order, and primaries last', () => {
    const primary = slot('master-0', 'Outdated', { isPrimary: true });
    const rest = [primary, slot('coreapp-0', 'Outdated'), slot('master-1', 'Outdated')];
    expect(next([...rest, slot('database', 'Outdated')])).toBe('StatefulSet/database');
    expect(next(rest)).toBe('StatefulSet/master-1');
    expect(next(rest.slice(0, 2))).toBe('StatefulSet/master-0');
  });

  it.each(['Unobserved', 'Terminating', 'Absent', 'Starting'] as const)(
    'waits while another slot is %s, and names it',
    (state) => {
      const decision = decide([slot('coreapp-0', 'Outdated'), slot('master-0', state)]);
      expect(decision.next).toBeUndefined();
      expect(decision.waitingFor).toContain('master-0-0');
    },
  );

  it('waits for what the API, the user and the Deployments say', () => {
    const outdated = [slot('coreapp-0', 'Outdated')];
    for (const reason of [
      { refused: 'approval' },
      { forbidden: 'approval' },
      { handsOff: 'approval' },
      { obstacle: 'approval' },
      { obstacleOf: () => 'approval' },
      { unsettled: ['approval'] },
      { nodesWaitFor: 'approval' },
    ])
      expect(decide(outdated, reason)).toMatchObject({ next: undefined, waitingFor: 'approval' });
  });

  it('replaces pods that were never ready without waiting for anything, unless the change is refused', () => {
    const stuck = { podChanges: { ready: false, stuck: true } };
    const slots = [slot('coreapp-0', 'Outdated', stuck), slot('coreapp-1', 'Outdated', stuck)];
    for (const why of [{ obstacle: 'the API' }, { forbidden: 'the maintenance window' }])
      expect(decide(slots, why).repair).toHaveLength(2);
    expect(decide(slots, { refused: 'another version' }).repair).toEqual([]);
    expect(decide([...slots, slot('coreapp-2', 'Outdated')]).next).toBeUndefined();
  });

  it('restarts a pod that is not ready before those that are, and asks no API about it', () => {
    const unready = slot('coreapp-1', 'Outdated', { podChanges: { ready: false } });
    expect(next([slot('master-0', 'Outdated'), unready], { obstacle: 'the API' })).toBe(
      'StatefulSet/coreapp-1',
    );
  });

  it('keeps to the pod of a ticket until the pod has another version', () => {
    const ticket = { pod: 'coreapp-1-0', uid: 'uid-of-coreapp-1-0', resourceVersion: '10' };
    const slots = [slot('coreapp-0', 'Outdated'), slot('coreapp-1', 'Outdated', { isPrimary: true })];
    expect(next(slots)).toBe('StatefulSet/coreapp-0');
    expect(next(slots, { ticket })).toBe('StatefulSet/coreapp-1');
    expect(next(slots, { ticket: { ...ticket, resourceVersion: '9' } })).toBe('StatefulSet/coreapp-0');
  });

  it('replaces a pod that is down before the pod of a ticket, and keeps the ticket', () => {
    const ticket = { pod: 'database-0', uid: 'uid-of-database-0', resourceVersion: '10' };
    const down = { podChanges: { ready: false } };
    const slots = [
      slot('database', 'Outdated'),
      slot('coreapp-0', 'Outdated', down),
      slot('coreapp-1', 'Outdated', down),
    ];
    const decision = decide(slots, { ticket });
    expect(decision.repair.map(({ key }) => key)).toEqual(['StatefulSet/coreapp-0']);
    expect(decision).toMatchObject({ next: undefined, waitingFor: expect.stringContaining('coreapp-0-0') });
    for (const reason of [{ handsOff: 'OnDelete' }, { unsettled: ['a Deployment'] }])
      expect(decide(slots, { ticket, ...reason }).repair).toEqual([]);
    expect(decide([...slots, slot('master-0', 'Starting')], { ticket }).repair).toEqual([]);
  });

  it('chooses nothing while the cache is older than the ticket', () => {
    const ticket = { pod: 'coreapp-1-0', uid: 'another', resourceVersion: '11' };
    const decision = decide([slot('coreapp-0', 'Outdated'), slot('coreapp-1', 'Current')], { ticket });
    expect(decision).toMatchObject({ next: undefined, waitingFor: expect.stringContaining('news of') });
  });

  it('removes surplus slots when nothing is outdated, the primary last, and although pods are left to the user', () => {
    const surplus = { isSurplus: true };
    const slots = [
      slot('master-2', 'Current', { ...surplus, isPrimary: true }),
      slot('master-3', 'Current', surplus),
    ];
    expect(next([...slots, slot('coreapp-0', 'Outdated')])).toBe('StatefulSet/coreapp-0');
    expect(next(slots, { handsOff: 'somebody' })).toBe('StatefulSet/master-3');
    expect(next(slots.slice(0, 1))).toBe('StatefulSet/master-2');
    expect(next([...slots, slot('coreapp-0', 'Starting')])).toBeUndefined();
  });

  it('removes a surplus slot that is not ready first, and does not wait until it is ready', () => {
    const surplus = slot('coreapp-3', 'Starting', { isSurplus: true, podChanges: { ready: false } });
    expect(next([slot('coreapp-0', 'Outdated'), surplus])).toBe('StatefulSet/coreapp-3');
    expect(next([surplus], { obstacle: 'the API' })).toBe('StatefulSet/coreapp-3');
  });
});
