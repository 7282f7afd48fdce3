import { expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Holds } from './holds.ts';

it('waits until every reason is gone, and no longer', async () => {
  const clock = new VirtualClock();
  const holds = new Holds(clock, new AbortController().signal);
  await holds.wait();
  holds.hold('token');
  holds.hold('busy', 1_000);
  let hasGone = false;
  const waiting = holds.wait().then(() => {
    hasGone = true;
  });
  await clock.advance(5_000);
  expect([hasGone, holds.reasons]).toEqual([false, ['token']]);
  holds.release('token');
  await waiting;
  expect(hasGone).toBe(true);
});

it('holds for as long as the last one who asked says', async () => {
  const clock = new VirtualClock();
  const holds = new Holds(clock, new AbortController().signal);
  holds.hold('busy', 1_000);
  holds.hold('busy', 10_000);
  await clock.advance(2_000);
  expect(holds.reasons).toEqual(['busy']);
  await clock.advance(9_000);
  expect(holds.reasons).toEqual([]);
});

it('ends its waits with the signal', async () => {
  const end = new AbortController();
  const holds = new Holds(new VirtualClock(), end.signal);
  holds.hold('token');
  const waiting = holds.wait();
  end.abort(new Error('the end'));
  await expect(waiting).rejects.toThrow('the end');
});
