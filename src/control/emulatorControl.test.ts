import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { createControlApp } from '../stack/network/controlServer.ts';
import { applyEntry } from '../stack/network/entryEffects.ts';
import { Network } from '../stack/network/network.ts';
import { EmulatorControl } from './emulatorControl.ts';

const NUMBER = '16315551000';
const TOKEN = 'token-of-the-port';

let folder: string;
let network: Network;
let control: EmulatorControl;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-control-client-'));
  const common = { limits: false, inMemory: true, clock: systemClock, logger: silentLogger };
  network = await Network.start({ host: '127.0.0.1', port: 0, dataFolder: folder, ...common });
  applyEntry(network.state, { type: 'registered', number: NUMBER, registrationKey: 'key', at: 0 });
  const app = createControlApp(network, { openApi: {}, token: TOKEN });
  const fetch = async (url: string | URL | Request, init?: RequestInit) => app.request(url, init);
  control = new EmulatorControl({ token: TOKEN, fetch });
});
afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true, force: true });
});

const reported = (key: string, body: object) =>
  network.callbacks.take(NUMBER, { key, payload: JSON.stringify(body), state: 'waiting' });

describe('the client of the control API', () => {
  it('lets people write and behave, and comes back to snapshots', async () => {
    await control.person('16505551234', { name: 'Ana', readAfterMs: null });
    expect(await control.write(NUMBER, { from: '16505551234', text: 'Hi' })).toMatch(/^[A-Za-z0-9+/=_-]+$/);
    await control.snapshot('begun');
    await control.reset();
    expect(network.state.people.size).toBe(0);
    await control.restore('begun');
    const { people } = await control.call('GET /people', {});
    expect(people).toMatchObject([
      { waId: '16505551234', profileName: 'Ana', behaviour: { readAfterMs: null } },
    ]);
    const chat = { number: NUMBER, waId: '16505551234' };
    const { messages } = await control.call('GET /numbers/{number}/chats/{waId}', { params: chat });
    expect(messages).toMatchObject([{ direction: 'in', type: 'text' }]);
  });

  it('removes a person with their chat, and says whom it does not know', async () => {
    const waId = '16505557777';
    await control.write(NUMBER, { from: waId, text: 'Hi', profileName: 'Eve' });
    await control.call('POST /people/{waId}/identity', { params: { waId }, body: {} });
    const chat = { params: { number: NUMBER, waId } };
    const { messages } = await control.call('GET /numbers/{number}/chats/{waId}', chat);
    expect(messages.map(({ type }) => type)).toEqual(['text', 'system']);
    expect(Math.abs((messages[1]?.atMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await control.removePerson(waId);
    const { people } = await control.call('GET /people', {});
    expect(people.map((person) => person.waId)).not.toContain(waId);
    expect((await control.call('GET /numbers/{number}/chats/{waId}', chat)).messages).toEqual([]);
    await expect(control.removePerson(waId)).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining(`there is no person ${waId}; GET /people lists them`),
    });
  });

  it('moves the clock, sets faults and records', async () => {
    await control.advance(3_600_000);
    expect((await control.call('GET /clock', {})).movedMs).toBe(3_600_000);
    const id = await control.addFault({ path: '/v1/messages', code: 1016, times: 2 });
    await control.addFault({ path: '*', status: 502 });
    await control.removeFault(id);
    expect((await control.call('GET /api-faults', {})).faults).toMatchObject([{ status: 502, met: 0 }]);
    await control.clearFaults();
    await control.record(NUMBER, true);
    expect(await control.recording(NUMBER)).toMatchObject({ number: NUMBER, isOn: true, callbacks: [] });
    await expect(control.replay(NUMBER, { callbacks: [{ afterMs: 0, body: {} }] })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('no Coreapp of 16315551000 is connected'),
    });
  });

  it('finds callbacks and calls, and tells what came instead of the expected one', async () => {
    const { id } = reported('a', { statuses: [{ id: 'm', status: 'sent' }] });
    expect(await control.expectCallback({ statuses: [{ status: 'sent' }] })).toMatchObject({
      id,
      kind: 'statuses',
    });
    expect(await control.callbacks({ kind: 'statuses', after: id - 1 })).toHaveLength(1);
    await expect(
      control.expectCallback({ statuses: [{ status: 'read' }] }, { timeoutMs: 10 }),
    ).rejects.toMatchObject({
      code: 'ControlRefused',
      status: 404,
      retriable: false,
      message: expect.stringContaining('statuses[0].status is "sent", not "read"'),
    });
    await expect(control.redeliver(id)).rejects.toMatchObject({ status: 404 });
    network.requests.take('w0', { at: 1, method: 'GET', path: '/v1/health', status: 200, durationMs: 1 });
    expect(await control.requests({ path: '/v1/health' })).toMatchObject([
      { method: 'GET', status: 200, errors: [] },
    ]);
  });

  it('says who it is, and ends when it is told to', async () => {
    const stranger = new EmulatorControl({
      fetch: async (url, init) =>
        createControlApp(network, { openApi: {}, token: TOKEN }).request(url as string, init),
    });
    await expect(stranger.requests()).rejects.toMatchObject({ status: 401 });
    const waiting = new EmulatorControl({ url: 'http://127.0.0.1:1' }).requests({}, AbortSignal.abort());
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});
