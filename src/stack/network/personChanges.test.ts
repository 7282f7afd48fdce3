import { describe, expect, it } from 'vitest';
import { applyEntry } from './entryEffects.ts';
import { NetworkState } from './networkState.ts';

const [OLD, NEW, NUMBER, OTHER] = ['16505551234', '16505559999', '16315551000', '16315552000'];

const restored = (state: NetworkState): NetworkState => {
  const copy = new NetworkState();
  for (const entry of state.snapshot()) applyEntry(copy, JSON.parse(JSON.stringify(entry)));
  return copy;
};

const wrote = (state: NetworkState, number = NUMBER) =>
  applyEntry(state, {
    type: 'person',
    waId: OLD,
    wroteTo: number,
    message: { id: `to ${number}`, from: OLD, timestamp: '1', type: 'text', text: { body: 'Hi' }, media: [] },
    at: 1_000,
  });

describe('a person who gets a new phone', () => {
  it('is told of in each of their chats, each time, also after a restart', () => {
    const state = new NetworkState();
    for (const number of [NUMBER, OTHER]) wrote(state, number);
    const change = applyEntry(state, { type: 'identity-changed', waId: OLD, at: 2_000 });
    expect(change).toEqual({ number: NUMBER, waId: OLD });
    applyEntry(state, { type: 'identity-changed', waId: OLD, at: 2_000 });
    const told = { type: 'system', atMs: 2_000, content: { body: expect.stringContaining('security code') } };
    for (const known of [state, restored(state)])
      for (const number of [NUMBER, OTHER]) {
        const messages = known.chats.chat(number, OLD)?.messages ?? [];
        expect(messages).toMatchObject([{ type: 'text' }, told, told]);
        expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
      }
  });

  it('has no chat of it where none was, and none from a journal that does not know when', () => {
    const state = new NetworkState();
    expect(applyEntry(state, { type: 'identity-changed', waId: OLD, at: 2_000 })).toEqual({ waId: OLD });
    expect(state.chats.of(NUMBER)).toEqual([]);
    wrote(state);
    expect(applyEntry(state, { type: 'identity-changed', waId: OLD })).toEqual({ waId: OLD });
    expect(state.people.get(OLD)?.identityChanges).toBe(2);
    expect(state.chats.chat(NUMBER, OLD)?.messages).toHaveLength(1);
  });
});

describe('a person who is removed', () => {
  it('goes with chats, numbers and messages on their way, also after a restart', () => {
    const state = new NetworkState();
    for (const number of [NUMBER, OTHER]) wrote(state, number);
    applyEntry(state, { type: 'dialled', waId: OLD, dialled: ['16505550001'] });
    const sent = { messageType: 'text', number: NUMBER, acceptedAt: 1, body: {}, media: [] };
    applyEntry(state, { type: 'accepted', id: 'm1', to: OLD, ...sent });
    applyEntry(state, { type: 'accepted', id: 'm2', to: NEW, ...sent });
    const { aliasRevision } = state;
    const change = applyEntry(state, { type: 'person-removed', waId: OLD });
    expect(change).toEqual({ number: OTHER, waId: OLD });
    expect(state.aliasRevision).toBeGreaterThan(aliasRevision);
    for (const known of [state, restored(state)]) {
      expect(known.people.has(OLD)).toBe(false);
      expect(known.waIdOf('16505550001')).toBe('16505550001');
      expect([...known.outgoing.keys()]).toEqual(['m2']);
      expect(known.chats.of(NUMBER)).toMatchObject([{ waId: NEW }]);
      expect(known.chats.of(OTHER)).toEqual([]);
    }
  });

  it('comes back as somebody new when they write again', () => {
    const state = new NetworkState();
    wrote(state);
    applyEntry(state, { type: 'behaviour', waId: OLD, behaviour: { blocks: true } });
    applyEntry(state, { type: 'person-removed', waId: OLD });
    wrote(state);
    expect(state.people.get(OLD)).toEqual({ lastWrote: { [NUMBER]: 1_000 } });
    expect(state.chats.chat(NUMBER, OLD)?.messages).toHaveLength(1);
  });
});

describe('a person who changes their number', () => {
  it('stays the same person, with the chat of before, also after a restart', () => {
    const state = new NetworkState();
    const message = { id: 'm1', from: OLD, timestamp: '1', type: 'text', text: { body: 'Hi' }, media: [] };
    applyEntry(state, {
      type: 'person',
      waId: OLD,
      profileName: 'Ana',
      wroteTo: NUMBER,
      message,
      at: 1_000,
    });
    applyEntry(state, { type: 'behaviour', waId: OLD, behaviour: { blocks: true } });
    applyEntry(state, { type: 'dialled', waId: OLD, dialled: ['16505550001'] });
    const change = applyEntry(state, { type: 'number-changed', waId: OLD, newWaId: NEW, at: 2_000 });
    expect(change).toEqual({ number: NUMBER, waId: NEW });
    for (const known of [state, restored(state)]) {
      expect([...known.people]).toEqual([
        [NEW, expect.objectContaining({ profileName: 'Ana', behaviour: { blocks: true } })],
      ]);
      expect(known.people.get(NEW)?.lastWrote).toEqual({ [NUMBER]: 1_000 });
      expect(known.waIdOf('16505550001')).toBe(NEW);
      expect(known.chats.of(NUMBER)).toHaveLength(1);
      expect(known.chats.chat(NUMBER, NEW)?.messages).toMatchObject([
        { id: 'm1', content: { body: 'Hi' } },
        { type: 'system', content: { body: `+${OLD} is +${NEW} now` } },
      ]);
    }
  });

  it('leaves statuses of messages on their way to the chat', () => {
    const state = new NetworkState();
    const sent = { number: NUMBER, to: OLD, messageType: 'text', acceptedAt: 1, body: {}, media: [] };
    applyEntry(state, { type: 'accepted', id: 'm2', ...sent });
    applyEntry(state, { type: 'number-changed', waId: OLD, newWaId: NEW, at: 2 });
    applyEntry(state, { type: 'stage', id: 'm2', stage: 'read' });
    expect(state.chats.chat(NUMBER, NEW)?.messages[0]).toMatchObject({ id: 'm2', status: 'read' });
  });
});
