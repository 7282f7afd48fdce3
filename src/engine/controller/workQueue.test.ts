import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { WorkQueue } from './workQueue.ts';

const setup = () => {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue({ clock, random: () => 1 }) };
};

describe('the work queue', () => {
  it('holds a key once, however often it is added', async () => {
    const { queue } = setup();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(1);
    expect(await queue.next()).toBe('a');
    expect(queue.length).toBe(0);
  });

  it('never hands out a key that is being worked on, and hands it out again afterwards', async () => {
    const { queue } = setup();
    queue.add('a');
    await queue.next();
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await queue.next()).toBe('a');
  });

  it('serves fresh changes before resyncs, and lifts a resync that changes', async () => {
    const { queue } = setup();
    queue.add('old', 'resync');
    queue.add('older', 'resync');
    queue.add('fresh');
    queue.add('older');
    expect([await queue.next(), await queue.next(), await queue.next()]).toEqual(['fresh', 'older', 'old']);
  });

  it('doubles the delay with each failure and starts over after success', async () => {
    const { queue } = setup();
    expect([queue.addRateLimited('a'), queue.addRateLimited('a'), queue.addRateLimited('a')]).toEqual([
      5, 10, 20,
    ]);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
  });

  it('keeps the earlier of two delays', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 500);
    await clock.advance(49);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  it('knows why a key is worked on: the first reason since it last was', async () => {
    const { queue, clock } = setup();
    queue.add('a', 'change', 'Pod x modified');
    queue.add('a', 'change', 'Pod y modified');
    await queue.next();
    expect(queue.reasonOf('a')).toBe('Pod x modified');
    queue.add('a', 'change', 'Pod z deleted');
    queue.done('a');
    await queue.next();
    expect(queue.reasonOf('a')).toBe('Pod z deleted');
    queue.addRateLimited('a');
    queue.done('a');
    await clock.advance(1000);
    await queue.next();
    expect(queue.reasonOf('a')).toBe('retry 1');
  });

  it('drains: waits for what is worked on, hands out nothing more, and wakes idle workers', async () => {
    const { queue } = setup();
    queue.add('a');
    queue.add('b');
    await queue.next();
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    expect(await queue.next()).toBeUndefined();
    expect(drained).toBe(false);
    queue.done('a');
    await draining;
    expect(drained).toBe(true);
  });

  it('loses no key and doubles none, whatever the order of adds and dones', async () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c') }),
      fc.constant({ do: 'next' as const, key: '' }),
      fc.record({ do: fc.constant('done' as const), key: fc.constantFrom('a', 'b', 'c') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const { queue } = setup();
        const working = new Set<string>();
        const owed = new Set<string>();
        for (const { do: action, key } of commands) {
          if (action === 'add') {
            queue.add(key);
            owed.add(key);
          } else if (action === 'done' && working.delete(key)) queue.done(key);
          else if (action === 'next' && queue.length > 0) {
            const next = await queue.next();
            if (next === undefined) throw new Error('a key was lost');
            expect(working.has(next)).toBe(false);
            working.add(next);
            owed.delete(next);
          }
        }
        for (const key of working) queue.done(key);
        while (queue.length > 0) owed.delete((await queue.next()) ?? '');
        expect([...owed]).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
