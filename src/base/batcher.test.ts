import { describe, expect, it } from 'vitest';
import { Batcher } from './batcher.ts';

describe('a batcher', () => {
  it('commits together what arrives together, and what arrives meanwhile with the next batch', async () => {
    const batches: string[][] = [];
    const batcher = new Batcher<string, string>(async (items) => {
      batches.push([...items]);
      if (batches.length === 1) late = batcher.add('c');
      return items.map((item) => item.toUpperCase());
    });
    let late: Promise<string> | undefined;
    expect(await Promise.all([batcher.add('a'), batcher.add('b')])).toEqual(['A', 'B']);
    expect(await late).toBe('C');
    expect(batches).toEqual([['a', 'b'], ['c']]);
  });

  it('takes the next item from whoever adds it as soon as the one before is committed', async () => {
    const batcher = new Batcher<number, number>(async (items) => items);
    for (let item = 0; item < 5; item++) expect(await batcher.add(item)).toBe(item);
    await batcher.idle();
  });

  it('tells everybody in a batch that failed, and goes on with the next one', async () => {
    let fails = true;
    const batcher = new Batcher<number>(async () => {
      if (fails) throw new Error('away');
    });
    const outcomes = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await batcher.add(3);
  });

  it('makes no batch larger than the most', async () => {
    const sizes: number[] = [];
    const batcher = new Batcher<number>(async (items) => void sizes.push(items.length), { most: 2 });
    await Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('leaves time between its flushes, and makes an item that comes after a pause wait for nothing', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number>(async (items) => void batches.push([...items]), { everyMs: 100 });
    const startedAt = performance.now();
    await batcher.add(1);
    expect(performance.now() - startedAt).toBeLessThan(90);
    const second = batcher.add(2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([second, batcher.add(3)]);
    expect(performance.now() - startedAt).toBeGreaterThan(90);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  it('leaves less time after a flush of few items', async () => {
    const batches: number[] = [];
    const batcher = new Batcher<number>(async (items) => void batches.push(items.length), {
      everyMs: 3_600_000,
      everyMsByItem: 1,
    });
    for (let item = 0; item < 3; item++) await batcher.add(item);
    expect(batches).toEqual([1, 1, 1]);
  });

  it('makes no batch heavier than allowed, unless a single item is', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number>(async (items) => void batches.push([...items]), {
      weigh: (item) => item,
      mostWeight: 10,
    });
    await Promise.all([4, 5, 6, 20, 1].map((item) => batcher.add(item)));
    expect(batches).toEqual([[4, 5], [6], [20], [1]]);
  });
});
