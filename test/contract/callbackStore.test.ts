import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/stack/store/stores.ts';
import { testStores } from '../support/testStores.ts';

let opened: Awaited<ReturnType<typeof testStores>>;
let stores: Stores;

beforeAll(async () => {
  opened = await testStores('callbacks_');
  ({ stores } = opened);
});
afterAll(() => opened?.close());

const add = (shard: number, index: number) =>
  stores.messages.update({ callback: { shard, eventKey: `event-${shard}-${index}`, payload: { index } } });

describe('callbacks', () => {
  it('are read in the order in which they were stored, a postponed one not before its time', async () => {
    for (const index of [0, 1, 2, 3]) await add(7, index);
    const [first, second, third, fourth] = await stores.callbacks.due(7, 10, []);
    expect([first, second, third, fourth].map((due) => due?.payload)).toEqual(
      [0, 1, 2, 3].map((index) => JSON.stringify({ index })),
    );
    await stores.callbacks.postpone({ seq: first?.seq ?? 0, about: undefined }, 1, 60_000);
    await stores.callbacks.remove([second?.seq ?? 0]);
    const seqs = async (except: number[]) =>
      (await stores.callbacks.due(7, 10, except)).map(({ seq }) => seq);
    expect(await seqs([])).toEqual([third?.seq, fourth?.seq]);
    expect(await seqs([third?.seq ?? 0])).toEqual([fourth?.seq]);
    await stores.callbacks.postpone({ seq: first?.seq ?? 0, about: undefined }, 2, -1000);
    expect((await stores.callbacks.due(7, 1, []))[0]).toMatchObject({ seq: first?.seq, attempts: 2 });
  });

  it('of one message are read in order: what comes later waits as long as what comes first', async () => {
    const status = (name: string) => ({
      callback: { shard: 8, eventKey: `status/wamid.1/${name}`, payload: { name } },
    });
    await stores.messages.update(status('sent'));
    await stores.messages.update(status('delivered'));
    const due = async (except: number[] = []) =>
      (await stores.callbacks.due(8, 10, except)).map(
        ({ payload }) => (JSON.parse(payload) as { name: string }).name,
      );
    const [sent] = await stores.callbacks.due(8, 10, []);
    expect(sent?.about).toBe('wamid.1');
    await stores.callbacks.postpone(sent ?? { seq: 0, about: undefined }, 1, 60_000);
    // Stored while its predecessor waits.
    await stores.messages.update(status('read'));
    expect(await due()).toEqual([]);
    await stores.callbacks.postpone(sent ?? { seq: 0, about: undefined }, 2, -1_000);
    expect(await due()).toEqual(['sent', 'delivered', 'read']);
    expect(await due([sent?.seq ?? 0])).toEqual(['delivered', 'read']);
    await stores.callbacks.remove([sent?.seq ?? 0]);
    expect(await due()).toEqual(['delivered', 'read']);
  });

  it('come back when the clock of the database has gone back', async () => {
    await stores.messages.update({ callback: { shard: 9, eventKey: 'jump', payload: {} } });
    const [one] = await stores.callbacks.due(9, 1, []);
    // As if it had been postponed by a second before the clock went back by an hour.
    await stores.callbacks.postpone({ seq: one?.seq ?? 0, about: undefined }, 1, 3_600_000);
    await stores.callbacks.hasten(9, 7_200_000);
    expect(await stores.callbacks.due(9, 1, [])).toEqual([]);
    await stores.callbacks.hasten(9, 900_000);
    expect(await stores.callbacks.due(9, 1, [])).toHaveLength(1);
  });

  it('tell that a message was sent before its receipt, also if the answer of the servers was lost', async () => {
    const told = async () =>
      (await stores.callbacks.due(10, 10, [])).map(
        ({ payload }) => (JSON.parse(payload) as { is: string }).is,
      );
    const callback = (is: string) => ({ shard: 10, eventKey: `status/m1/${is}`, payload: { is } });
    await stores.messages.insert({ id: 'm1', shard: 10, recipient: '1', type: 'text', body: {} });
    const receipt = (is: string) => ({
      messageId: 'm1',
      receipt: is,
      callback: callback(is),
      impliedSent: () => callback('sent'),
    });
    await Promise.all([
      stores.messages.update(receipt('delivered')),
      stores.messages.update(receipt('read')),
    ]);
    expect(await told()).toEqual(['sent', 'delivered', 'read']);
    for (const { seq } of await stores.callbacks.due(10, 10, [])) await stores.callbacks.remove([seq]);
    await stores.messages.update({ messageId: 'm1', state: 'sent', callback: callback('sent') });
    expect(await told()).toEqual([]);
  });
});
