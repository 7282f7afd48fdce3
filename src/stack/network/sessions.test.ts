import { describe, expect, it } from 'vitest';
import type { NetworkEvent, NetworkProtocol } from '../wire/networkProtocol.ts';
import type { Peer } from '../wire/rpcServer.ts';
import { applyEntry } from './entryEffects.ts';
import { NetworkState } from './networkState.ts';
import { Sessions } from './sessions.ts';

const NUMBER = '16315551000';
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A session that gets the events with texts of these lengths. */
async function toldOf(lengths: readonly number[]) {
  const state = new NetworkState();
  applyEntry(state, { type: 'registered', number: NUMBER, registrationKey: 'key' });
  lengths.forEach((length, index) => {
    const text = { body: 'x'.repeat(length) };
    const message = { from: '16505551234', id: `m${index}`, timestamp: '1', type: 'text', text };
    const event: NetworkEvent = { eventId: index + 1, body: { kind: 'inbound', message } };
    applyEntry(state, { type: 'event', number: NUMBER, event });
  });
  const frames: number[][] = [];
  const dropped: number[] = [];
  const peer = {
    emit: (name: string, { events }: { events: NetworkEvent[] }) => {
      if (name !== 'events') return;
      expect(JSON.stringify(events).length).toBeLessThan(10 * 1024 * 1024);
      frames.push(events.map(({ eventId }) => eventId));
    },
  } as unknown as Peer<NetworkProtocol>;
  const sessions = new Sessions(state, (_, { eventId }) => dropped.push(eventId));
  sessions.login({ number: NUMBER, registrationKey: 'key', shard: 0, shards: 1, epoch: 1 }, peer);
  await turn();
  for (let read = 0; read < frames.length; read++) {
    sessions.acknowledged(sessions.of(peer), frames[read] ?? []);
    await turn();
  }
  const emit = (eventId: number) => {
    const body = { kind: 'identity', waId: '16505551234', hash: 'h', timestamp: '1' } as const;
    applyEntry(state, { type: 'event', number: NUMBER, event: { eventId, body } });
    sessions.announce(NUMBER);
  };
  return { frames, dropped, emit };
}

describe('the events of a session', () => {
  it('come all, in frames that hold few bytes', async () => {
    const { frames } = await toldOf(Array.from({ length: 240 }, () => 95_000));
    expect(frames.flat()).toEqual(Array.from({ length: 240 }, (_, index) => index + 1));
    expect(Math.max(...frames.map((ids) => ids.length)) * 95_000).toBeLessThan(2.1 * 1024 * 1024);
  });

  it('travel together if they come in one turn of the event loop', async () => {
    const { frames, emit } = await toldOf([10]);
    for (const eventId of [2, 3, 4]) emit(eventId);
    await turn();
    emit(5);
    await turn();
    expect(frames).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('include one that is larger than a frame should be, by itself', async () => {
    expect((await toldOf([10, 5_000_000, 10])).frames.flat()).toEqual([1, 2, 3]);
  });

  it('go on after one that no frame can carry, which is dropped', async () => {
    const { frames, dropped } = await toldOf([10, 17_000_000, 10]);
    expect([frames.flat(), dropped]).toEqual([[1, 3], [2]]);
  });
});
