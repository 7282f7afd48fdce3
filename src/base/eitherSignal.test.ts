import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eitherSignal } from './eitherSignal.ts';

describe('either signal', () => {
  it('fires with the reason of the first, also if that has fired before', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const either = eitherSignal(a.signal, b.signal);
    expect(either.signal.aborted).toBe(false);
    b.abort('b');
    a.abort('a');
    expect(either.signal.reason).toBe('b');
    expect(eitherSignal(b.signal, new AbortController().signal).signal.reason).toBe('b');
  });

  it('leaves no listeners behind when it is released', () => {
    const { signal } = new AbortController();
    for (let round = 0; round < 20; round++) eitherSignal(signal).release();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
