import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FleetModel } from '../../../../test/support/fleetModel.ts';

const CANARY = { name: 'canary', selector: { matchLabels: { ring: 'canary' } }, soakSeconds: 600 };
const REST = { name: 'rest', maxUnavailable: 2, soakSeconds: 0 };

/** Two canaries and five others. */
function twoRings(spec: Record<string, unknown> = {}) {
  const model = new FleetModel({ rings: [CANARY, REST], ...spec });
  const canaries = [model.add('c1', { ring: 'canary' }), model.add('c2', { ring: 'canary' })];
  const others = ['a', 'b', 'c', 'd', 'e'].map((name) => model.add(name));
  return { model, canaries, others };
}

describe('a rollout', () => {
  it('changes the first ring, lets it soak, and then goes on', () => {
    const { model, canaries, others } = twoRings();
    model.settle();
    expect(new Set(model.begun)).toEqual(new Set(canaries));
    expect(model.ring('canary')?.phase).toBe('Soaking');
    expect(model.condition('Complete')).toMatchObject({ status: 'False', reason: 'Soaking' });

    model.nowMs += 599_000;
    model.settle();
    expect(model.begun).toHaveLength(2);
    model.nowMs += 1_000;
    model.settle();
    expect(new Set(model.begun)).toEqual(new Set([...canaries, ...others]));
    expect(model.condition('Complete')).toMatchObject({ status: 'True', reason: 'Complete' });
    expect(model.status?.summary).toEqual({ updated: '7/7' });
  });

  it('changes no more stacks at a time than maxUnavailable, by number and by share', () => {
    for (const [room, most] of [
      [{ maxUnavailable: 3 }, 3],
      [{ maxUnavailablePercent: 20 }, 2],
      [{ maxUnavailablePercent: 1 }, 1],
      [{}, 1],
    ] as const) {
      const model = new FleetModel({ rings: [{ name: 'all', ...room, soakSeconds: 0 }] });
      for (let index = 0; index < 10; index++) model.add(`s${index}`);
      expect(model.reconcile().changes).toHaveLength(most);
      expect(model.reconcile().changes).toHaveLength(0);
      model.finish(model.begun[0] ?? '');
      expect(model.reconcile().changes).toHaveLength(1);
    }
  });

  it('takes a stack for up to date only when every node runs the version and nothing waits', () => {
    const { model } = twoRings();
    model.reconcile();
    const [first = ''] = model.begun;
    const stack = model.stack(first);
    model.finish(first);
    stack.running = 'v2.57.1';
    model.reconcile();
    expect(model.ring('canary')).toMatchObject({ updated: 0, rolling: 1 });
    expect(model.status?.stacks?.[0]?.reason).toContain('which runs v2.57.1');
    stack.running = 'v2.59.1';
    stack.waitingFor = 'the maintenance window, which opens at 2026-06-02T00:00:00.000Z';
    model.nowMs += 86_400_000;
    model.reconcile();
    expect(model.ring('canary')).toMatchObject({ updated: 0, rolling: 1, failed: 0 });
    stack.waitingFor = undefined;
    model.reconcile();
    expect(model.ring('canary')).toMatchObject({ updated: 1 });
  });

  it('does not soak a ring of which nothing changed', () => {
    const { model, canaries } = twoRings();
    for (const key of canaries) Object.assign(model.stack(key), { version: 'v2.59.1', running: 'v2.59.1' });
    model.settle();
    expect(model.condition('Complete')?.status).toBe('True');
  });

  it('begins with no stack while paused, and lets those that are changing go on', () => {
    const { model, others } = twoRings({ rings: [REST] });
    model.reconcile();
    expect(model.begun).toHaveLength(2);
    model.set({ paused: true });
    for (const key of model.begun) model.finish(key);
    expect(model.reconcile().changes).toEqual([]);
    expect(model.condition('Complete')?.reason).toBe('Paused');
    expect(model.ring('rest')?.updated).toBe(2);
    model.set({ paused: false });
    model.settle();
    expect(model.begun).toHaveLength(others.length + 2);
  });

  it('leaves out stacks that are paused or not Ready before their turn, and takes them later', () => {
    const { model, canaries } = twoRings();
    const [ill = '', well = ''] = canaries;
    model.fail(ill, 'ImagePullFailed', 'no such image');
    model.settle();
    expect(model.begun).toEqual([well]);
    expect(model.ring('canary')).toMatchObject({ phase: 'Soaking', updated: 1, held: 1 });
    expect(model.status?.stacks).toContainEqual(
      expect.objectContaining({ name: ill, state: 'Held', reason: expect.stringContaining('no such image') }),
    );
    model.finish(ill);
    model.settle();
    expect(model.begun).toEqual([well, ill]);
  });

  it('gives a new stack of a ring that is done its version', () => {
    const { model } = twoRings();
    model.settle();
    model.nowMs += 600_000;
    model.settle();
    const late = model.add('late');
    model.settle();
    expect(model.begun.at(-1)).toBe(late);
    expect(model.condition('Complete')?.status).toBe('True');
  });

  it('says when no stack matches, and how many stacks no ring takes', () => {
    const model = new FleetModel();
    model.reconcile();
    expect(model.condition('Complete')?.reason).toBe('NoStacks');
    const { model: left } = twoRings({ rings: [CANARY] });
    left.settle();
    left.nowMs += 600_000;
    left.settle();
    expect(left.status?.summary?.withoutRing).toBe(5);
    expect(left.condition('Complete')?.message).toContain('no ring takes 5 other stacks');
  });
});

describe('a rollout halts', () => {
  it('at the first stack that fails, leaves the rest untouched, and says why', () => {
    const { model } = twoRings();
    model.reconcile();
    const [first = ''] = model.begun;
    model.fail(first, 'DowngradeRefused', 'the schema is newer', 'RolloutStopped');
    model.reconcile();
    model.nowMs += 86_400_000;
    expect(model.reconcile()).toMatchObject({ changes: [], againMs: undefined });
    expect(model.begun).toEqual([first]);
    expect(model.condition('Halted')).toMatchObject({ status: 'True', reason: 'StackFailed' });
    expect(model.condition('Halted')?.message).toContain(first);
    expect(model.ring('canary')?.phase).toBe('Halted');
    expect(model.ring('rest')).toMatchObject({ phase: 'Waiting', waiting: 5 });
  });

  it('when a stack reports a reason that only a person mends for a minute, and not in passing', () => {
    const { model } = twoRings();
    model.reconcile();
    const [first = ''] = model.begun;
    model.fail(first, 'ImagePullFailed', 'no such image', 'Rolling');
    model.nowMs += 59_000;
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('False');
    model.nowMs += 1_000;
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('True');
  });

  it('when a stack is not Ready within the deadline', () => {
    const { model } = twoRings({ health: { deadlineSeconds: 120 } });
    model.reconcile();
    const [first = ''] = model.begun;
    model.fail(first, 'PodsNotReady', 'a pod starts', 'Rolling');
    model.nowMs += 119_000;
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('False');
    model.nowMs += 1_000;
    model.reconcile();
    expect(model.condition('Halted')?.message).toContain('not Ready within 120 s of its change');
  });

  it('when a stack breaks while its ring soaks, and not when it breaks after that', () => {
    const { model, canaries } = twoRings();
    model.settle();
    model.fail(canaries[0] ?? '', 'CrashLoopBackOff');
    model.nowMs += 60_000;
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('True');

    const later = twoRings();
    later.model.settle();
    later.model.nowMs += 600_000;
    later.model.reconcile();
    later.model.fail(later.canaries[0] ?? '', 'CrashLoopBackOff');
    later.model.nowMs += 60_000;
    later.model.reconcile();
    expect(later.model.condition('Halted')?.status).toBe('False');
    expect(later.model.ring('canary')).toMatchObject({ phase: 'Done', failed: 1 });
  });

  it('when too many messages fail, once there are enough of them', () => {
    const { model, canaries } = twoRings({ health: { maxFailedMessagesPercent: 5, minMessages: 20 } });
    model.settle();
    const stack = model.stack(canaries[0] ?? '');
    stack.messages = { sent: 9, failed: 10 };
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('False');
    stack.messages = { sent: 95, failed: 5 };
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('False');
    stack.messages = { sent: 94, failed: 6 };
    model.reconcile();
    expect(model.condition('Halted')).toMatchObject({ status: 'True', reason: 'MessagesFailing' });
    expect(model.condition('Halted')?.message).toContain('6 of 100 messages since its change failed (6 %)');
  });

  it('until a new attempt, which goes on when the stack is well and halts again when it is not', () => {
    const { model } = twoRings();
    model.reconcile();
    const [first = ''] = model.begun;
    model.fail(first, 'SpecInvalid', 'as it is', 'RolloutStopped');
    model.reconcile();
    model.set({ attempt: 2 });
    model.reconcile();
    expect(model.status?.halt?.attempt).toBe(2);
    model.finish(first);
    model.reconcile();
    expect(model.condition('Halted')?.status).toBe('True');
    model.set({ attempt: 3 });
    model.settle();
    expect(model.condition('Halted')?.status).toBe('False');
    expect(model.ring('canary')?.phase).toBe('Soaking');
  });

  it('and brings what is corrected to the stacks that it broke, before others', () => {
    const { model, canaries } = twoRings({ images: { webapp: 'nowhere/web:1', coreapp: 'nowhere/core:1' } });
    model.reconcile();
    const [first = ''] = model.begun;
    const [other = ''] = canaries.filter((key) => key !== first);
    model.fail(first, 'ImagePullFailed', 'no such image');
    model.nowMs += 60_000;
    model.reconcile();
    expect(model.status?.phase).toBe('Halted');
    // Only what the stack still has of the change before tells it from one that is up to date.
    model.set({ images: undefined });
    model.reconcile();
    expect(model.begun).toEqual([first, first]);
    expect(model.stack(first).images).toBeUndefined();
    model.fail(first, 'ImagePullFailed', 'another one');
    model.nowMs += 60_000;
    model.reconcile();
    expect(model.status?.phase).toBe('Halted');
    model.set({ version: 'v2.59.2' });
    model.settle();
    expect(model.begun).toEqual([first, first, first, other]);
    expect(canaries.map((key) => model.stack(key).version)).toEqual(['v2.59.2', 'v2.59.2']);
  });

  it('and leaves out what went down after an earlier rollout was complete', () => {
    const { model, canaries } = twoRings({ rings: [CANARY] });
    model.settle();
    model.nowMs += 600_000;
    model.settle();
    expect(model.condition('Complete')?.status).toBe('True');
    const [ill = '', well = ''] = canaries;
    model.fail(ill, 'DatabaseUnreachable');
    model.nowMs += 3_600_000;
    model.begun.length = 0;
    model.set({ version: 'v2.59.2' });
    model.settle();
    expect(model.begun).toEqual([well]);
    expect(model.ring('canary')).toMatchObject({ held: 1 });
  });

  it('and rolls back what it changed, also stacks that are down, without soaking', () => {
    const { model, canaries } = twoRings();
    model.reconcile();
    const [first = ''] = model.begun;
    model.fail(first, 'CrashLoopBackOff');
    model.nowMs += 60_000;
    model.reconcile();
    expect(model.status).toMatchObject({ phase: 'Halted', previousVersion: 'v2.57.1' });
    model.set({ version: model.status?.previousVersion });
    model.settle();
    expect(model.begun).toEqual([first, first]);
    expect(canaries.map((key) => model.stack(key).version)).toEqual(['v2.57.1', 'v2.57.1']);
    expect(model.condition('Halted')?.status).toBe('False');
    expect(model.condition('Complete')?.status).toBe('True');
  });
});

/** Whatever happens to the stacks: what must hold is checked from their state, not from the plan. */
describe('whatever happens', () => {
  const RINGS = [
    { name: 'r0', selector: { matchLabels: { ring: 'r0' } }, maxUnavailable: 1, soakSeconds: 300 },
    { name: 'r1', selector: { matchLabels: { ring: 'r1' } }, maxUnavailablePercent: 50, soakSeconds: 120 },
    { name: 'r2', maxUnavailable: 3, soakSeconds: 0 },
  ];
  const ringOf = (index: number) => ['r0', 'r1', 'r2', 'r1'][index % 4] ?? 'r2';
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.record({ is: fc.constant('finish' as const), which: fc.nat(50) }) },
    {
      weight: 4,
      arbitrary: fc.record({ is: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
    },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('break' as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('pause' as const), paused: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('resume' as const) }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('forget' as const) }) },
  );

  it('no ring begins before the one before it has soaked, none exceeds its room, and nothing begins when halted', () => {
    const begunIn = { r0: 0, r1: 0, r2: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 14 }), fc.array(event, { maxLength: 60 }), (size, events) => {
        const model = new FleetModel({ rings: RINGS });
        for (let index = 0; index < size; index++) model.add(`s${index}`, { ring: ringOf(index) });
        const keys = [...model.stacks.keys()];
        const isUpdated = (key: string) => {
          const { version, running, ready, generation } = model.stack(key);
          return (
            version === 'v2.59.1' &&
            running === version &&
            ready.status === 'True' &&
            ready.generation === generation
          );
        };
        const changing = (of: readonly string[]) =>
          of.filter((key) => model.stack(key).version === 'v2.59.1' && !isUpdated(key));
        /** When a ring was last not up to date. */
        const staleMs = new Map<string, number>();
        const step = () => {
          const before = model.begun.length;
          model.reconcile();
          const begun = model.begun.slice(before);
          const membersOf = (ring: string) => keys.filter((key) => model.stack(key).labels.ring === ring);
          const room = { r0: 1, r1: Math.max(1, Math.ceil(membersOf('r1').length / 2)), r2: 3 };
          if (model.spec.paused || model.condition('Halted')?.status === 'True') expect(begun).toEqual([]);
          for (const [index, { name }] of RINGS.entries()) {
            const ring = membersOf(name);
            if (!ring.every(isUpdated)) staleMs.set(name, model.nowMs);
            const mine = begun.filter((key) => ring.includes(key));
            begunIn[name as 'r0'] += mine.length;
            if (mine.length === 0) continue;
            expect(changing(ring).length).toBeLessThanOrEqual(room[name as 'r0']);
            for (const earlier of RINGS.slice(0, index)) {
              const stacks = membersOf(earlier.name);
              if (stacks.length === 0) continue;
              const soakedMs = model.nowMs - (staleMs.get(earlier.name) ?? Number.NEGATIVE_INFINITY);
              // A ring that is done stays done, also when one of its stacks breaks later.
              if (model.ring(earlier.name)?.phase !== 'Done' || stacks.every(isUpdated))
                expect(soakedMs).toBeGreaterThanOrEqual(earlier.soakSeconds * 1000);
            }
          }
        };
        for (const happened of events) {
          if (happened.is === 'wait') model.nowMs += happened.seconds * 1000;
          else if (happened.is === 'pause') model.set({ paused: happened.paused });
          else if (happened.is === 'resume') model.set({ attempt: Number(model.spec.attempt ?? 1) + 1 });
          else if (happened.is === 'forget')
            model.status = JSON.parse(JSON.stringify(model.status ?? null)) ?? undefined;
          else {
            const under = changing(keys);
            const key = under[happened.which % under.length];
            if (key === undefined) continue;
            if (happened.is === 'finish') model.finish(key);
            else model.fail(key, 'CrashLoopBackOff', 'it is broken', 'RolloutStopped');
          }
          step();
        }
        // In the end everything can be brought to its target.
        model.set({ paused: false, attempt: 1_000 });
        for (let round = 0; round < 400 && model.condition('Complete')?.status !== 'True'; round++) {
          for (const key of changing(keys)) model.finish(key);
          model.nowMs += 60_000;
          step();
        }
        expect(model.condition('Complete')?.status).toBe('True');
        expect(keys.every(isUpdated)).toBe(true);
      }),
      { numRuns: 500 },
    );
    for (const count of Object.values(begunIn)) expect(count).toBeGreaterThan(500);
  }, 60_000);
});
