import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/logger.ts';
import { createControlApp } from '../controlServer.ts';
import { applyEntry } from '../entryEffects.ts';
import { Network } from '../network.ts';
import { CONTROL_BASE, controlRoutes } from './controlApi.ts';

const NUMBER = '16315551000';
const PERSON = '16505551234';
const CALL = { at: 1, method: 'POST', path: '/v1/messages', durationMs: 2 };
const API = { openapi: '3.1.0', paths: { '/v1/messages': { post: {} } } };

let folder: string;
let network: Network;
let app: Hono;
const ask = (method: string, path: string, body?: unknown) =>
  app.request(path.startsWith(CONTROL_BASE) ? path : CONTROL_BASE + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-control-'));
  const common = { limits: false, graph: 'both' as const, clock: systemClock, logger: silentLogger };
  network = await Network.start({ host: '127.0.0.1', port: 0, dataFolder: folder, ...common });
  app = createControlApp(network, { openApi: API });
  applyEntry(network.state, { type: 'registered', number: NUMBER, registrationKey: 'key', at: 0 });
  await ask('PUT', `/numbers/${NUMBER}/recording`, { isOn: true });
  await ask('PUT', '/api-faults', [{ path: '/v1/*', code: 1014 }]);
  network.callbacks.take(NUMBER, {
    key: 'inbound/a',
    payload: '{"contacts":[],"messages":[{"id":"a","type":"text"}]}',
    state: 'delivered',
    attempt: { at: 5, url: 'https://receiver/', durationMs: 1.5, status: 200 },
  });
  network.requests.take('w0', { ...CALL, status: 200, body: '{"to":"1"}', answer: '{"messages":[]}' });
  network.requests.take('w0', {
    ...CALL,
    status: 400,
    answer: '{"errors":[{"code":1008,"title":"Missing"}]}',
  });
  await ask('POST', `/numbers/${NUMBER}/messages`, { from: PERSON, text: 'Hi', profileName: 'Ana' });
});
afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the control API', () => {
  // The rehearsal needs the Graph API: src/stack/graph/rehearsal tests its answers.
  const read = controlRoutes.filter(
    ({ method, path, answer }) =>
      method === 'GET' && typeof answer === 'object' && !path.includes('/rehearsal'),
  );
  it.each(read.map((route) => [route.path, route] as const))(
    'answers GET %s in the shape that it documents',
    async (path, { answer }) => {
      const response = await ask(
        'GET',
        path.replace(':number', NUMBER).replace(':waId', PERSON).replace(':id', '1'),
      );
      expect(response.status).toBe(200);
      const content = (await response.json()) as object;
      if (typeof answer !== 'object') throw new Error('no shape');
      expect(answer.parse(content)).toEqual(content);
    },
  );

  it('refuses a wrong body with every field, and what is not JSON', async () => {
    const wrong = await ask('PUT', `/numbers/${NUMBER}/limits`, { tier: 300, quality: 'none' });
    expect(wrong.status).toBe(400);
    const { error } = (await wrong.json()) as { error: string };
    for (const field of ['tier', 'quality']) expect(error).toContain(field);
    const garbled = await app.request(`${CONTROL_BASE}/clock`, { method: 'POST', body: '{' });
    expect([garbled.status, await garbled.json()]).toEqual([400, { error: 'the body is not valid JSON' }]);
  });

  it.each(
    controlRoutes
      .filter(({ path }) => path.includes(':number') || path.includes(':waId'))
      .map(({ method, path }) => [method, path]),
  )('refuses %s %s of something that is no number', async (method = '', path = '') => {
    const wrong = path.replace(':number', path.includes(':waId') ? NUMBER : 'abc').replace(':waId', 'abc');
    const bodies: Record<string, unknown> = {
      '/numbers/:number/messages': { from: PERSON, text: 'Hi' },
      '/numbers/:number/templates': [],
      '/numbers/:number/catalog': { catalogId: 'c', products: [] },
      '/numbers/:number/recording': { isOn: true },
      '/numbers/:number/replay': { callbacks: [{ afterMs: 0, body: {} }] },
      '/people/:waId/number': { newWaId: PERSON },
      '/people/:waId/window': { number: NUMBER },
      '/graph/numbers/:number/changes': { field: 'account_update', value: {} },
    };
    const body = bodies[path.slice(CONTROL_BASE.length)] ?? {};
    const answer = await ask(method, wrong, method === 'GET' ? undefined : body);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: expect.stringContaining('abc is no phone number: write 6 to 15 digits') },
    ]);
    expect([...network.state.people.keys(), ...network.state.numbers.keys()]).not.toContain('abc');
  });

  it.each([
    ['a text longer than the API allows', { text: 'x'.repeat(4097) }, 'longer than 4096'],
    ['a long text of any form', { text: { body: 'x'.repeat(17_000_000) } }, 'longer than 4096'],
    ['a text without a text', { text: { body: 5 } }, 'needs a text'],
    ['a long message', { type: 'order', order: { text: 'x'.repeat(70_000) } }, 'longer than 65536'],
    ['a deep message', { type: 'order', order: 'DEEP' }, 'levels deep'],
  ])('refuses %s', async (_, message, problem) => {
    const deep = `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`;
    const body = JSON.stringify({ from: PERSON, ...message }).replace('"DEEP"', deep);
    const answer = await app.request(`${CONTROL_BASE}/numbers/${NUMBER}/messages`, { method: 'POST', body });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      expect.stringContaining(problem),
    ]);
    expect((await ask('GET', `/numbers/${NUMBER}/chats/${PERSON}`)).status).toBe(200);
  });

  it('remembers no number that it was only asked for, and none that is no number', async () => {
    const before = network.state.numbers.size;
    for (const path of ['chats', 'recording']) await ask('GET', `/numbers/16319999999/${path}`);
    expect((await ask('PUT', '/numbers/nobody/limits', { tier: 250 })).status).toBe(400);
    expect(network.state.numbers.size).toBe(before);
  });

  it('refuses a message to a number that is not registered', async () => {
    const answer = await ask('POST', '/numbers/16319999999/messages', { from: PERSON, text: 'Hi' });
    expect([answer.status, await answer.json()]).toEqual([404, { error: '16319999999 is not registered' }]);
  });

  it('lists every call, and adds its paths with their shapes to the OpenAPI document of the API', async () => {
    const { calls } = (await (await app.request('/calls')).json()) as { calls: string[] };
    expect(calls).toHaveLength(controlRoutes.length);
    expect(calls.find((call) => call.includes('/limits'))).toContain('{"tier"?, "quality"?}');
    const document = (await (await app.request('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, object>>;
    };
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/v1/messages': API.paths['/v1/messages'],
        '/control/v1/numbers/{number}/messages': {
          post: {
            requestBody: { content: { 'application/json': { schema: { required: ['from'] } } } },
            responses: { 201: { content: { 'application/json': { schema: { required: ['id'] } } } } },
          },
        },
      },
    });
    for (const { method, path } of controlRoutes)
      expect(document.paths[path.replace(/:(\w+)/g, '{$1}')]).toHaveProperty(method.toLowerCase());
  });

  it('tells watchers which chat has changed', async () => {
    const { body } = await ask('GET', '/events');
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('event: open\ndata: \n\n');
    await ask('POST', `/numbers/${NUMBER}/messages`, { from: PERSON, text: 'Still there?' });
    expect((await reader?.read())?.value).toContain(`"waId":"${PERSON}"`);
    await reader?.cancel();
  });

  it('tells watchers of a person who has no chats', async () => {
    const waId = '16505550999';
    const { body } = await ask('GET', '/events');
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    await ask('PUT', `/people/${waId}`, { blocks: true });
    expect((await reader?.read())?.value).toBe(`data: {"waId":"${waId}"}\n\n`);
    await ask('DELETE', `/people/${waId}`);
    expect((await reader?.read())?.value).toBe(`data: {"waId":"${waId}"}\n\n`);
    await reader?.cancel();
  });

  it('tells watchers of callbacks and calls, with all that is known of each', async () => {
    const { body } = await ask('GET', '/events');
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    network.requests.take('w0', { ...CALL, status: 200 });
    const { value = '' } = (await reader?.read()) ?? {};
    expect(value.split('\n')[0]).toBe('event: request');
    expect(JSON.parse(value.split('\n')[1]?.slice('data: '.length) ?? '')).toMatchObject({
      webapp: 'w0',
      ...CALL,
    });
    await reader?.cancel();
  });

  it('serves the paths of the release that had no version', async () => {
    expect((await app.request('/numbers')).status).toBe(200);
    expect((await app.request('/callbacks')).status).toBe(404);
  });

  it.each([
    ['?after=1', []],
    ['?kind=messages', [1]],
    ['?kind=statuses', []],
    [`?number=${NUMBER}&state=delivered&containing=%22text%22`, [1]],
    ['?containing=image', []],
  ])('lists callbacks %s', async (query, ids) => {
    const answer = await ask('GET', `/callbacks${query}`);
    const { callbacks, lastId } = (await answer.json()) as { callbacks: { id: number }[]; lastId: number };
    expect([callbacks.map(({ id }) => id), lastId]).toEqual([ids, 1]);
  });

  it('lists calls that were refused, with their errors', async () => {
    const answer = await ask('GET', '/requests?refused&path=/v1/messages');
    const { requests } = (await answer.json()) as { requests: object[] };
    expect(requests).toMatchObject([{ status: 400, errors: [{ code: 1008, title: 'Missing' }] }]);
  });

  it('waits for a callback, and tells what came instead of it', async () => {
    const expectation = { matching: { messages: [{ type: 'image' }] }, timeoutMs: 2_000 };
    const waiting = ask('POST', '/callbacks/expect', expectation);
    const image = {
      key: 'inbound/b',
      payload: '{"messages":[{"id":"b","type":"image"}]}',
      state: 'waiting',
    } as const;
    setTimeout(() => network.callbacks.take(NUMBER, image), 50);
    const come = await waiting;
    expect([come.status, await come.json()]).toEqual([
      200,
      expect.objectContaining({ id: 2, state: 'waiting' }),
    ]);
    const missed = await ask('POST', '/callbacks/expect', {
      matching: { messages: [{ type: 'video' }] },
      timeoutMs: 10,
    });
    expect(missed.status).toBe(404);
    const { error } = (await missed.json()) as { error: string };
    expect(error).toContain('no callback like {"messages":[{"type":"video"}]} within 10 ms');
    expect(error).toContain('messages[0].type is "image", not "video"');
    const undelivered = await ask('POST', '/callbacks/expect', {
      ...expectation,
      state: 'delivered',
      timeoutMs: 0,
    });
    expect(((await undelivered.json()) as { error: string }).error).toContain('has no webhook');
  });

  it('adds and ends single faults', async () => {
    const added = await ask('POST', '/api-faults', { path: '/v1/contacts', code: 1015, every: 2 });
    const { id } = (await added.json()) as { id: number };
    expect(network.apiFaults.list().faults).toHaveLength(2);
    expect((await ask('DELETE', `/api-faults/${id}`)).status).toBe(204);
    expect((await ask('DELETE', `/api-faults/${id}`)).status).toBe(404);
    expect(network.apiFaults.list().faults).toHaveLength(1);
  });

  it('brings a snapshot back, and forgets everything else', async () => {
    const keyOf = () => network.state.known(NUMBER).registrationKey;
    await ask('PUT', '/people/16505550001', { name: 'Bo', readAfterMs: null, dialled: ['4915100000001'] });
    expect((await ask('PUT', '/snapshots/with-bo', {})).status).toBe(204);
    await ask('PUT', `/numbers/${NUMBER}/limits`, { tier: 250 });
    await ask('PUT', '/people/16505550002', { name: 'Cy' });
    await ask('POST', '/api-faults', { path: '*', status: 502 });
    await ask('POST', '/snapshots/with-bo/restore', {});
    expect(network.state.people.get('16505550001')).toMatchObject({ profileName: 'Bo' });
    expect(network.state.waIdOf('4915100000001')).toBe('16505550001');
    expect([network.state.people.has('16505550002'), network.state.limits(NUMBER).tier]).toEqual([
      false,
      1_000,
    ]);
    expect(network.state.chats.chat(NUMBER, PERSON)?.messages.length).toBeGreaterThan(0);
    expect([network.callbacks.all(), network.requests.all()]).toEqual([[], []]);
    expect(network.apiFaults.list().faults).toMatchObject([{ code: 1014 }]);
    expect((await ask('POST', '/reset', {})).status).toBe(204);
    expect([network.state.people.size, network.state.chats.of(NUMBER).length]).toEqual([0, 0]);
    expect(network.apiFaults.list().faults).toEqual([]);
    expect(keyOf()).toBe('key');
    expect((await ask('POST', '/snapshots/nobody/restore', {})).status).toBe(404);
    expect((await ask('PUT', '/snapshots/a%20b', {})).status).toBe(400);
    await ask('DELETE', '/snapshots/with-bo');
    expect(await (await ask('GET', '/snapshots')).json()).toEqual({ snapshots: [] });
  });
});
