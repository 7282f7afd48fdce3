import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../base/virtualClock.ts';
import { MemoryCallbacks } from './memoryCallbacks.ts';

const callback = (text: string) => ({ shard: 0, eventKey: text, payload: { text } });

describe('callbacks in memory', () => {
  it('are due in order, again after their delay, and gone when they were told', async () => {
    const clock = new VirtualClock();
    const callbacks = new MemoryCallbacks(clock);
    for (const text of ['a', 'b', 'c']) callbacks.add(callback(text));
    const texts = (except: number[] = []) =>
      callbacks.due(10, new Set(except)).map(({ payload }) => JSON.parse(payload).text);
    const [first] = callbacks.due(1, new Set());
    expect(texts()).toEqual(['a', 'b', 'c']);
    expect(texts([first?.seq ?? 0])).toEqual(['b', 'c']);
    callbacks.postpone({ seq: first?.seq ?? 0, about: undefined }, 1, 3_000);
    expect(texts()).toEqual(['b', 'c']);
    await clock.advance(3_000);
    expect(callbacks.due(1, new Set())[0]).toMatchObject({ attempts: 1, ageSeconds: 3 });
    callbacks.remove([first?.seq ?? 0]);
    expect([texts(), callbacks.size]).toEqual([['b', 'c'], 2]);
  });

  it('are refused beyond 100,000, so that whoever told of them keeps them', () => {
    const callbacks = new MemoryCallbacks(new VirtualClock());
    for (let index = 0; index < 100_000; index++) callbacks.add(callback(`x${index}`));
    expect(() => callbacks.add(callback('x'))).toThrow('1016');
  });
});
