import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtualClock.ts';
import { waitUntil } from './waitUntil.ts';

const setup = (probe: (elapsedMs: number) => string | undefined, signal = new AbortController().signal) => {
  const clock = new VirtualClock();
  const late = () => new Error(`late at ${clock.now()}`);
  const options = { clock, everyMs: 100, timeoutMs: 1000, late };
  const outcome = waitUntil(() => probe(clock.now()), options, signal).then(
    (value) => `${value} at ${clock.now()}`,
    (error: Error) => error.message,
  );
  return { clock, outcome };
};

describe('waiting until something is there', () => {
  it('returns it at the first probe that finds it', async () => {
    const { clock, outcome } = setup((elapsedMs) => (elapsedMs < 250 ? undefined : 'found'));
    await clock.advance(1000);
    expect(await outcome).toBe('found at 300');
  });

  it('throws the error of the caller when the time is up', async () => {
    const { clock, outcome } = setup(() => undefined);
    await clock.advance(5000);
    expect(await outcome).toBe('late at 1100');
  });

  it('ends when a probe throws', async () => {
    const { outcome } = setup(() => {
      throw new Error('broken');
    });
    expect(await outcome).toBe('broken');
  });

  it('ends when its signal fires', async () => {
    const stop = new AbortController();
    const { clock, outcome } = setup(() => undefined, stop.signal);
    await clock.advance(150);
    stop.abort(new Error('stopped'));
    expect(await outcome).toBe('stopped');
  });
});
