import { describe, expect, it } from 'vitest';
import { ConversationCount, type MessagingLimits } from './messagingLimits.ts';

const DAY = 86_400_000;
const limits = (tier: MessagingLimits['tier'], quality: MessagingLimits['quality'] = 'high') => ({
  tier,
  quality,
});
const begin = (count: ConversationCount, from: number, to: number, atMs: number) => {
  for (let person = from; person < to; person++) count.begin(String(person), atMs);
};

describe('the messaging limit of a number', () => {
  it('counts people of the last 24 hours, each once', () => {
    const count = new ConversationCount();
    begin(count, 0, 249, 0);
    expect(count.begin('0', 1000)).toBe(false);
    expect(count.mayBegin('new', limits(250), 1000)).toBe(true);
    count.begin('new', 1000);
    expect(count.mayBegin('another', limits(250), 1000)).toBe(false);
    expect(count.mayBegin('new', limits(250), 1000)).toBe(true);
    expect(count.mayBegin('another', limits(null), 1000)).toBe(true);
    expect(count.mayBegin('another', limits(250), DAY)).toBe(true);
  });

  it('rises by one tier when twice the limit was used in seven days, unless the quality is low', () => {
    const count = new ConversationCount();
    begin(count, 0, 250, 0);
    begin(count, 250, 499, 6 * DAY);
    expect(count.risen(limits(250), 6 * DAY)).toBe(250);
    count.begin('the last', 6 * DAY);
    expect(count.risen(limits(250), 6 * DAY)).toBe(1_000);
    expect(count.risen(limits(250, 'low'), 6 * DAY)).toBe(250);
    expect(count.risen(limits(250), 7 * DAY)).toBe(250);
    count.startOver();
    expect(count.risen(limits(250), 6 * DAY)).toBe(250);
  });

  it('ends with unlimited, and survives being written down', () => {
    const count = new ConversationCount();
    begin(count, 0, 200_000, 0);
    const restored = new ConversationCount(JSON.parse(JSON.stringify(count)));
    expect(restored.risen(limits(100_000), 0)).toBeNull();
    expect(restored.mayBegin('more', limits(100_000), 0)).toBe(false);
  });
});
