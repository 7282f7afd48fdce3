import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { apiFault } from '../wire/apiFault.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import type { Peer } from '../wire/rpcServer.ts';
import { ApiFaults } from './apiFaults.ts';

const never = new AbortController().signal;
const call = { method: 'POST', path: '/v1/messages', webapp: 'w0' };
const faults = (...given: object[]) => given.map((fault) => apiFault.parse({ path: '*', ...fault }));

function webapp() {
  const told: { revision: number; calls: object[] }[] = [];
  const peer: Peer<NetworkProtocol> = {
    version: 2,
    address: '',
    closed: never,
    emit: (_, body) => void told.push(body as never),
    close: () => {},
  };
  return { peer, told };
}

describe('faults of the API', () => {
  it('are set once every Webapp has seen them, however many are set at once', async () => {
    const all = new ApiFaults({ clock: systemClock, random: () => 0 });
    const [first, second] = [webapp(), webapp()];
    for (const { peer } of [first, second]) all.attach('w0', peer);
    let set = 0;
    const setting = [faults({ code: 1014 }), faults({ code: 1016 })].map((list) =>
      all.set(list, never).then(() => {
        set += 1;
      }),
    );
    const latest = first.told.at(-1)?.revision ?? 0;
    all.seen(latest, first.peer);
    await new Promise((resolve) => setImmediate(resolve));
    expect(set).toBe(0);
    all.seen(latest, second.peer);
    await Promise.all(setting);
    expect(all.meet(call)?.code).toBe(1016);
  });

  it('do not wait for a Webapp that has gone', async () => {
    const all = new ApiFaults({ clock: systemClock, random: () => 0 });
    const { peer } = webapp();
    all.attach('w0', peer);
    const setting = all.set(faults({ code: 1014 }), never);
    all.detach(peer);
    await setting;
  });

  it('are over after their number of times, and Webapps then ask no more', async () => {
    const all = new ApiFaults({ clock: systemClock, random: () => 0 });
    const { peer, told } = webapp();
    await all.set(faults({ code: 1014, times: 1 }, { status: 502, times: 1, method: 'GET' }), never);
    expect(all.attach('w0', peer).calls).toHaveLength(2);
    expect([all.meet(call)?.code, all.meet(call)]).toEqual([1014, undefined]);
    expect(told.at(-1)?.calls).toEqual([{ method: 'GET', path: '*', webapp: undefined }]);
    expect(all.list().faults.map(({ met }) => met)).toEqual([1, 0]);
  });

  it('befall their share', () => {
    let dice = 0.5;
    const all = new ApiFaults({ clock: systemClock, random: () => dice });
    void all.set(faults({ code: 1014, share: 0.5 }, { code: 1016, share: 0.9 }), never);
    expect(all.meet(call)?.code).toBe(1016);
    dice = 0.4;
    expect(all.meet(call)?.code).toBe(1014);
    dice = 0.95;
    expect(all.meet(call)).toBeUndefined();
  });

  it('hit each nth call, or calls that a seed chooses, or only messages to somebody', async () => {
    const all = new ApiFaults({ clock: systemClock, random: () => 0.99 });
    const hits = (count: number, more: object = {}) =>
      Array.from({ length: count }, () => (all.meet({ ...call, ...more }) ? 1 : 0)).join('');
    await all.set(faults({ code: 1014, every: 3, times: 2 }), never);
    expect(hits(10)).toBe('0010010000');
    const chosen = async (seed: number) => {
      await all.set(faults({ code: 1014, share: 0.5, seed }), never);
      return hits(40);
    };
    const first = await chosen(7);
    expect(await chosen(7)).toBe(first);
    expect(await chosen(8)).not.toBe(first);
    expect([...first].filter((hit) => hit === '1').length).toBeGreaterThan(8);
    await all.set(faults({ code: 1014, to: '+1 (650) 555-1234', type: 'template' }), never);
    expect(hits(1, { to: '16505551234', type: 'template' })).toBe('1');
    for (const other of [{ to: '16505551234', type: 'text' }, { to: '1650', type: 'template' }, {}])
      expect(hits(1, other)).toBe('0');
  });
});
