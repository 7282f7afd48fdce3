import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSlots } from './slots.ts';

describe('slots', () => {
  it('are filled from the lowest free index', () => {
    expect(planSlots([], 2, undefined).keep).toEqual([0, 1]);
    expect(planSlots([3, 1], 4, undefined).keep).toEqual([0, 1, 2, 3]);
  });

  it('are removed only when they own nothing, the highest first', () => {
    expect(planSlots([0, 1, 2, 3, 4], 3, new Set([4, 1]))).toEqual({ keep: [0, 1, 4], remove: [3, 2] });
    expect(planSlots([0, 1, 2], 1, new Set([0, 2]))).toEqual({ keep: [0, 2], remove: [1] });
  });

  it('are all kept while the owners of the shards are unknown', () => {
    expect(planSlots([0, 1, 2], 1, undefined)).toEqual({ keep: [0, 1, 2], remove: [] });
  });

  it('never lose an owner, and reach the wanted count unless too many own shards', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(40), { maxLength: 40 }),
        fc.nat(40),
        fc.uniqueArray(fc.nat(40)),
        (existing, count, owning) => {
          const owners = new Set(owning.filter((index) => existing.includes(index)));
          const { keep, remove } = planSlots(existing, count, owners);
          expect(remove.some((index) => owners.has(index))).toBe(false);
          expect(new Set(keep).size).toBe(keep.length);
          expect(keep.length).toBe(Math.max(count, existing.length > count ? owners.size : 0));
        },
      ),
    );
  });
});
