import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/logger.ts';
import type { MediaFile } from '../../store/mediaStore.ts';
import type { StoredMessage } from '../../store/messageStore.ts';
import { Refusal } from '../../wire/protocol.ts';
import { Outbox } from './outbox.ts';

const SHARD = 0;
const content = (text: string) => ({ recipient: '16505551234', type: 'text', body: { text } });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An outbox on a database in memory, whose reads can be held up, and servers that can refuse. */
function outboxWith(media: (body: Record<string, unknown>) => Promise<MediaFile[]> = async () => []) {
  const pending = new Map<string, StoredMessage>();
  const reads: (() => void)[] = [];
  const sent: unknown[] = [];
  const servers = { refuse: false, calls: 0, holdsReads: false };
  const outbox = new Outbox({
    store: {
      insert: async (message) => void pending.set(message.id, message),
      pending: async () => {
        const found = [...pending.values()];
        if (servers.holdsReads) await new Promise<void>((resolve) => reads.push(resolve));
        return found;
      },
      waiting: async () => ({ messages: pending.size, callbacks: 0 }),
    },
    gateway: {
      status: 'connected',
      send: async ({ id, body }) => {
        servers.calls += 1;
        if (servers.refuse) throw new Refusal(1014, 'not now');
        pending.delete(id);
        sent.push(body.text);
        return { billing: undefined as never };
      },
    },
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
    metrics: { count: () => {}, duration: () => {} },
    media,
    upload: async () => {},
    onMediaFailed: async () => {},
    onSent: async () => {},
  });
  return { outbox, servers, sent, readOn: () => reads.shift()?.() };
}

describe('the outbox', () => {
  it('sends what it accepts, in that order', async () => {
    const { outbox, sent } = outboxWith();
    outbox.serve(SHARD);
    for (const text of ['a', 'b', 'c']) await outbox.accept(content(text), SHARD);
    await turn();
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(outbox.length).toBe(0);
  });

  it('forgets nothing that was accepted while it read, and thrown away by a new session', async () => {
    const { outbox, servers, sent, readOn } = outboxWith();
    servers.holdsReads = true;
    outbox.serve(SHARD);
    servers.refuse = true;
    await outbox.accept(content('meanwhile'), SHARD);
    await turn();
    outbox.reload();
    servers.refuse = false;
    readOn();
    await turn();
    readOn();
    await turn();
    expect(sent).toEqual(['meanwhile']);
  });

  it('tries what was refused again with the next look, not at once and over and over', async () => {
    const { outbox, servers, sent } = outboxWith();
    outbox.serve(SHARD);
    await turn();
    servers.refuse = true;
    await outbox.accept(content('a'), SHARD);
    for (let round = 0; round < 20; round++) await turn();
    expect(servers.calls).toBe(1);
    servers.refuse = false;
    outbox.pump();
    await turn();
    expect(sent).toEqual(['a']);
  });

  it('sends texts while a hundred links are slow, and each linked message once its media is there', async () => {
    const ends: (() => void)[] = [];
    let [most, running] = [0, 0];
    const { outbox, sent } = outboxWith(async ({ image }) => {
      if (!image) return [];
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
      return [];
    });
    outbox.serve(SHARD);
    const linked = {
      recipient: '16505551234',
      type: 'image',
      body: { image: { link: 'http://slow/' }, text: 'i' },
    };
    for (let index = 0; index < 150; index++) await outbox.accept(linked, SHARD);
    await outbox.accept(content('text'), SHARD);
    await turn();
    expect(sent).toEqual(['text']);
    expect([most, outbox.length]).toEqual([32, 150]);
    while (sent.length < 151) {
      for (const end of ends.splice(0)) end();
      await turn();
    }
    expect(sent.filter((what) => what === 'i')).toHaveLength(150);
    expect([most, outbox.length]).toEqual([32, 0]);
  });

  it('drops a download that a new session overtook, because the message is read again', async () => {
    const ends: (() => void)[] = [];
    const { outbox, sent } = outboxWith(async () => {
      await new Promise<void>((resolve) => ends.push(resolve));
      return [];
    });
    outbox.serve(SHARD);
    const linked = {
      recipient: '16505551234',
      type: 'image',
      body: { image: { link: 'http://slow/' }, text: 'i' },
    };
    await outbox.accept(linked, SHARD);
    await turn();
    outbox.reload();
    await turn();
    for (let round = 0; round < 5; round++) {
      for (const end of ends.splice(0)) end();
      await turn();
    }
    expect(sent).toEqual(['i']);
  });
});
