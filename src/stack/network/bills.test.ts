import { describe, expect, it } from 'vitest';
import { Bills } from './bills.ts';

const HOUR_MS = 3_600_000;
const about = { number: '1', to: '2', type: 'text', openSince: 10 * HOUR_MS, nowMs: 20 * HOUR_MS };

describe('what a message costs', () => {
  it('is told once for a conversation, and only its first status says when that expires', () => {
    const bills = new Bills();
    const bill = bills.of(about);
    expect(bills.of({ ...about, nowMs: 30 * HOUR_MS })).toBe(bill);
    const { id } = bill.sent.conversation;
    const pricing = { pricing_model: 'CBP', billable: true, category: 'service' };
    expect(bill.sent).toEqual({
      conversation: { id, expiration_timestamp: 34 * 3_600, origin: { type: 'service' } },
      pricing,
    });
    expect(bill.later).toEqual({ conversation: { id, origin: { type: 'service' } }, pricing });
  });

  it('is another one for another person, another day, and a template that begins a conversation', () => {
    const bills = new Bills();
    const others = [
      { ...about, to: '3' },
      { ...about, openSince: 11 * HOUR_MS },
      { ...about, type: 'template', openSince: undefined },
      { ...about, type: 'template', openSince: undefined, nowMs: 30 * HOUR_MS },
    ].map((each) => bills.of(each));
    const all = [bills.of(about), ...others];
    expect(new Set(all.map(({ sent }) => sent.conversation.id)).size).toBe(all.length);
    expect(all.map(({ sent }) => sent.pricing.category)).toEqual([
      ...['service', 'service', 'service'],
      ...['utility', 'utility'],
    ]);
  });
});
