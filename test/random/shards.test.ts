import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Shards } from '../../src/engine/controller/shards.ts';
import type * as FairShare from '../../src/engine/kube/fairShare.ts';
import { ReplicaRegister } from '../../src/engine/kube/replicaRegister.ts';
import {
  runShardSchedule,
  SHARD_INVARIANTS,
  type ShardInvariant,
  shardSchedules,
} from '../support/shardSchedule.ts';

/** `SEED=n` repeats the schedules of a run. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 500);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Schedules of a fixed seed within which each deliberate break must be caught, so that the result does not vary. */
const MOST_UNTIL_CAUGHT = 100;

const { breaks } = vi.hoisted(() => ({ breaks: {} as { fairShare?: typeof FairShare.fairShare } }));
vi.mock('../../src/engine/kube/fairShare.ts', async (original) => {
  const real = await original<typeof FairShare>();
  return {
    fairShare: (...args: Parameters<typeof real.fairShare>) => (breaks.fairShare ?? real.fairShare)(...args),
  };
});
afterEach(() => {
  delete breaks.fairShare;
  vi.restoreAllMocks();
});

describe('replicas that share the namespaces', () => {
  it(`keep every rule in ${SCHEDULES} schedules from seed ${SEED}`, async () => {
    process.stderr.write(`shard schedules: SEED=${SEED} SCHEDULES=${SCHEDULES}\n`);
    let longestGapMs = 0;
    await fc.assert(
      fc.asyncProperty(shardSchedules, async (schedule) => {
        const run = await runShardSchedule(schedule);
        longestGapMs = Math.max(longestGapMs, run.longestGapMs);
        expect(run.violations).toEqual([]);
      }),
      // Each schedule stands for itself; a shorter one is seldom easier to read.
      { seed: SEED, numRuns: SCHEDULES, endOnFailure: true },
    );
    process.stderr.write(
      `shard schedules: no shard was without a holder for longer than ${longestGapMs} ms\n`,
    );
  }, 3_600_000);
});

/** Deliberate breaks, and the rule that must catch each. */
const BREAKS: readonly { name: string; invariant: ShardInvariant; apply: () => void }[] = [
  {
    name: 'replicas that do not look at the lease before a write',
    invariant: 'once',
    apply: () => vi.spyOn(Shards.prototype, 'assertHeld').mockReturnValue(),
  },
  {
    name: 'replicas that never find their work on a shard done',
    invariant: 'held',
    apply: () => {
      const real = Shards.prototype.enter;
      vi.spyOn(Shards.prototype, 'enter').mockImplementation(function (this: Shards, namespace) {
        const admission = real.call(this, namespace);
        return admission && { ...admission, leave: () => {} };
      });
    },
  },
  {
    name: 'replicas that never notice that another one is gone',
    invariant: 'fair',
    apply: () => {
      const known = new WeakMap<ReplicaRegister, Set<string>>();
      const real = Object.getOwnPropertyDescriptor(ReplicaRegister.prototype, 'live')?.get;
      vi.spyOn(ReplicaRegister.prototype, 'live', 'get').mockImplementation(function (this: ReplicaRegister) {
        const all = known.get(this) ?? new Set();
        known.set(this, all);
        for (const one of (real?.call(this) ?? []) as string[]) all.add(one);
        return [...all];
      });
    },
  },
  {
    name: 'replicas that each want all shards',
    invariant: 'fair',
    apply: () => {
      breaks.fairShare = (_, holders) => holders.length;
    },
  },
];

describe('the shard schedules catch', () => {
  it('a break of every rule', () => {
    expect(new Set(BREAKS.map(({ invariant }) => invariant))).toEqual(new Set(Object.keys(SHARD_INVARIANTS)));
  });

  it.each(BREAKS)(
    '$name',
    async ({ invariant, apply }) => {
      apply();
      const isCaught = fc.asyncProperty(shardSchedules, async (schedule) => {
        const { violations } = await runShardSchedule(schedule);
        return !violations.some((violation) => violation.invariant === invariant);
      });
      const { failed, numRuns } = await fc.check(isCaught, {
        seed: 1,
        numRuns: MOST_UNTIL_CAUGHT,
        endOnFailure: true,
      });
      process.stderr.write(`${invariant}: caught by schedule ${numRuns}\n`);
      expect(failed).toBe(true);
    },
    120_000,
  );
});
