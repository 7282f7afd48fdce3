import { describe, expect, it } from 'vitest';
import { applyEntry } from './entryEffects.ts';
import type { Entry } from './networkEntries.ts';
import { NetworkState } from './networkState.ts';

const NUMBER = '16315551000';
const PERSON = '16505551234';

function stateOf(entries: Iterable<Entry>): NetworkState {
  const state = new NetworkState();
  // As they come from the file.
  for (const entry of entries) applyEntry(state, JSON.parse(JSON.stringify(entry)) as Entry);
  return state;
}

const accepted = (id: string): Entry => ({
  type: 'accepted',
  id,
  number: NUMBER,
  to: PERSON,
  messageType: 'text',
  acceptedAt: 1,
  body: { text: { body: 'x'.repeat(100) } },
  media: [],
});
const event = (eventId: number): Entry => ({
  type: 'event',
  number: NUMBER,
  event: { eventId, body: { kind: 'identity', waId: PERSON, hash: 'h', timestamp: '1' } },
});

const ENTRIES: Entry[] = [
  { type: 'registered', number: NUMBER, registrationKey: 'key', at: 5 },
  { type: 'behaviour', waId: PERSON, behaviour: { blocks: true } },
  { type: 'conversation', number: NUMBER, waId: PERSON, at: Date.now() },
  { type: 'recording', number: NUMBER, isOn: true, at: 10 },
  { type: 'recorded', number: NUMBER, at: 12, body: { n: 1 } },
  { type: 'recording', number: NUMBER, isOn: false, at: 15 },
  ...Array.from({ length: 5_000 }, (_, index) => accepted(`m${index}`)),
  { type: 'finished', id: 'm0' },
  ...[1, 2, 3].map(event),
  { type: 'acknowledged', number: NUMBER, eventIds: [2, 3] },
];

describe('a snapshot of the network', () => {
  it('leads to the same state', () => {
    const state = stateOf(ENTRIES);
    const again = stateOf(state.snapshot());
    expect([...again.snapshot()]).toEqual([...state.snapshot()]);
    expect(again.numbers.get(NUMBER)).toEqual(state.numbers.get(NUMBER));
    expect(again.numbers.get(NUMBER)?.recording?.callbacks).toEqual([{ afterMs: 2, body: { n: 1 } }]);
    expect([again.nextEventId, again.outgoing.size, again.seen.size]).toEqual([4, 4_999, 5_000]);
  });

  it('has no entry that grows with the messages', () => {
    const lengths = [...stateOf(ENTRIES).snapshot()].map((entry) => JSON.stringify(entry).length);
    expect(Math.max(...lengths)).toBeLessThan(200_000);
    expect(lengths.length).toBeGreaterThan(10);
  });

  it('leaves no trace of numbers that were only asked for', () => {
    const state = new NetworkState();
    state.known(NUMBER);
    state.limits(NUMBER);
    expect(state.numbers.size).toBe(0);
  });
});
