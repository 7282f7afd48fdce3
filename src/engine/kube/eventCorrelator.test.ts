import { describe, expect, it } from 'vitest';
import { EVENT_DEFAULTS, EventCorrelator, type EventText } from './eventCorrelator.ts';

const event = (message: string): EventText => ({ type: 'Warning', reason: 'Broken', message });

describe('the event correlator', () => {
  it('counts repetitions, and starts anew after a pause', () => {
    const events = new EventCorrelator();
    expect(events.correlate('u', event('a'), 0)).toMatchObject({ action: 'create' });
    expect(events.correlate('u', event('a'), 1000)).toMatchObject({ action: 'count', count: 2 });
    expect(events.correlate('u', event('a'), 1000 + EVENT_DEFAULTS.aggregationMs)).toMatchObject({
      action: 'create',
    });
  });

  it('sums up a flood that differs only in its messages', () => {
    const events = new EventCorrelator();
    const actions = Array.from({ length: 15 }, (_, n) => events.correlate('u', event(`port ${n}`), n));
    expect(actions.filter(({ action }) => action === 'create')).toHaveLength(EVENT_DEFAULTS.maxSimilar + 1);
    expect(actions.at(-1)).toMatchObject({
      action: 'count',
      message: '(combined from similar events): port 14',
    });
  });

  it('silences an object that floods, and no other', () => {
    const events = new EventCorrelator();
    const flood = Array.from({ length: 40 }, () => events.correlate('u', event('a'), 0));
    expect(flood.filter(({ action }) => action !== 'drop')).toHaveLength(EVENT_DEFAULTS.burst);
    expect(events.correlate('other', event('a'), 0)).toMatchObject({ action: 'create' });
    expect(events.correlate('u', event('a'), EVENT_DEFAULTS.refillMs)).toMatchObject({ action: 'count' });
  });

  it('survives a clock that jumps back', () => {
    const events = new EventCorrelator();
    events.correlate('u', event('a'), 1_000_000);
    expect(events.correlate('u', event('a'), 0)).toMatchObject({ action: 'count' });
  });
});
