import { afterEach, describe, expect, it, vi } from 'vitest';
import { WorkQueue } from '../../src/engine/controller/workQueue.ts';
import { LeaderElection } from '../../src/engine/kube/leaderElection.ts';
import { ObjectCache } from '../../src/engine/kube/objectCache.ts';
import { INVARIANTS, type Invariant, runSchedule, type Violation } from '../support/schedule.ts';

/** `SEED=n SCHEDULES=1` repeats one schedule. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 500);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Schedules with fixed seeds within which each deliberate break must be caught, so that the result does not vary. */
const MOST_UNTIL_CAUGHT = 500;

afterEach(() => vi.restoreAllMocks());

describe('the engine under random faults', () => {
  it(`keeps every rule in ${SCHEDULES} schedules from seed ${SEED}`, async () => {
    process.stderr.write(`engine schedules: SEED=${SEED} SCHEDULES=${SCHEDULES}\n`);
    const broken: (Violation & { seed: number })[] = [];
    for (let seed = SEED; seed < SEED + SCHEDULES && broken.length < 10; seed++)
      broken.push(...(await runSchedule({ seed })).map((violation) => ({ ...violation, seed })));
    expect(broken).toEqual([]);
  }, 3_600_000);

  it('behaves the same each time a seed is run', async () => {
    expect(await runSchedule({ seed: SEED, withoutCompareAndSwap: true })).toEqual(
      await runSchedule({ seed: SEED, withoutCompareAndSwap: true }),
    );
  });

  it('makes no call twice even with two leaders at a time', async () => {
    makeEveryProcessLead();
    const violations: Violation[] = [];
    for (let seed = SEED; seed < SEED + 100; seed++) violations.push(...(await runSchedule({ seed })));
    expect(violations.filter(({ invariant }) => invariant === 'lease').length).toBeGreaterThan(0);
    expect(violations.filter(({ invariant }) => invariant === 'once')).toEqual([]);
  }, 120_000);
});

/** Every process leads: no lease, no fence, and no end of a term. */
function makeEveryProcessLead(): void {
  vi.spyOn(LeaderElection.prototype, 'isLeader', 'get').mockReturnValue(true);
  vi.spyOn(LeaderElection.prototype, 'acquire').mockResolvedValue();
  vi.spyOn(LeaderElection.prototype, 'lead').mockImplementation(async (work) => {
    await work(new AbortController().signal);
    return true;
  });
}

/** Deliberate breaks of the engine, and the rule that must catch each. */
const MUTATIONS: readonly {
  name: string;
  invariant: Invariant;
  apply: () => { withoutCompareAndSwap?: boolean };
}[] = [
  {
    name: 'a cache that keeps objects that a new list no longer holds',
    invariant: 'caches',
    apply: () => {
      vi.spyOn(ObjectCache.prototype, 'retain').mockReturnValue([]);
      return {};
    },
  },
  {
    name: 'a cache that forgets deletions',
    invariant: 'caches',
    apply: () => {
      vi.spyOn(ObjectCache.prototype, 'remove').mockReturnValue(undefined);
      return {};
    },
  },
  {
    name: 'a queue that drops a key added while a worker has it',
    invariant: 'work',
    apply: () => {
      const working = new WeakMap<WorkQueue, Set<string>>();
      const of = (queue: WorkQueue) => working.get(queue) ?? new Set<string>();
      const { add, next, done } = WorkQueue.prototype;
      vi.spyOn(WorkQueue.prototype, 'next').mockImplementation(async function (this: WorkQueue) {
        const key = await next.call(this);
        if (key !== undefined) working.set(this, of(this).add(key));
        return key;
      });
      vi.spyOn(WorkQueue.prototype, 'done').mockImplementation(function (this: WorkQueue, key) {
        of(this).delete(key);
        done.call(this, key);
      });
      vi.spyOn(WorkQueue.prototype, 'add').mockImplementation(function (this: WorkQueue, key, priority) {
        if (!of(this).has(key)) add.call(this, key, priority);
      });
      return {};
    },
  },
  {
    name: 'a queue that hands out a key while a worker has it',
    invariant: 'exclusion',
    apply: () => {
      const { next, done } = WorkQueue.prototype;
      vi.spyOn(WorkQueue.prototype, 'next').mockImplementation(async function (this: WorkQueue) {
        const key = await next.call(this);
        if (key !== undefined) done.call(this, key);
        return key;
      });
      vi.spyOn(WorkQueue.prototype, 'done').mockReturnValue();
      return {};
    },
  },
  {
    name: 'a leader that never checks whether it still is the leader',
    invariant: 'lease',
    apply: () => {
      vi.spyOn(LeaderElection.prototype, 'isLeader', 'get').mockReturnValue(true);
      return {};
    },
  },
  {
    name: 'a journal without compare-and-swap, with two leaders',
    invariant: 'once',
    apply: () => {
      makeEveryProcessLead();
      return { withoutCompareAndSwap: true };
    },
  },
];

describe('the schedules catch', () => {
  it('a break of every rule', () => {
    expect(new Set(MUTATIONS.map(({ invariant }) => invariant))).toEqual(new Set(Object.keys(INVARIANTS)));
  });

  it.each(MUTATIONS)(
    '$name',
    async ({ invariant, apply }) => {
      const options = apply();
      for (let seed = 1; seed <= MOST_UNTIL_CAUGHT; seed++) {
        const violations = await runSchedule({ seed, ...options });
        if (violations.some((violation) => violation.invariant === invariant)) return;
      }
      throw new Error(`not caught in ${MOST_UNTIL_CAUGHT} schedules`);
    },
    120_000,
  );
});
