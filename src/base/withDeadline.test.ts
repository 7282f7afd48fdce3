import { expect, it } from 'vitest';
import { withDeadline } from './clock.ts';
import { VirtualClock } from './virtualClock.ts';

const late = () => new Error('late');

it('fires with the signal for all that follow it, and not for those that were released', () => {
  const clock = new VirtualClock();
  const end = new AbortController();
  const [one, two, done] = [1, 2, 3].map(() => withDeadline(clock, end.signal, 1_000, late));
  done?.release();
  end.abort(new Error('the end'));
  expect([one, two, done].map((each) => each?.signal.aborted)).toEqual([true, true, false]);
  expect(one?.signal.reason).toEqual(new Error('the end'));
  expect(withDeadline(clock, end.signal, 1_000, late).signal.reason).toEqual(new Error('the end'));
});

it('fires after its time, alone', async () => {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const [short, long] = [1_000, 3_000].map((delayMs) => withDeadline(clock, signal, delayMs, late));
  await clock.advance(2_000);
  expect([short?.signal.reason, long?.signal.aborted]).toEqual([new Error('late'), false]);
});
