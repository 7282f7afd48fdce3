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
import { controlRoutes } from './controlApi.ts';

const NUMBER = '16315551000';
const PERSON = '16505551234';
const API = { openapi: '3.1.0', paths: { '/v1/messages': { post: {} } } };

let folder: string;
let network: Network;
let app: Hono;
const ask = (method: string, path: string, body?: unknown) =>
  app.request(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-control-'));
  const common = { limits: false, clock: systemClock, logger: silentLogger };
  network = await Network.start({ host: '127.0.0.1', port: 0, dataFolder: folder, ...common });
  app = createControlApp(network, API);
  applyEntry(network.state, { type: 'registered', number: NUMBER, registrationKey: 'key', at: 0 });
  await ask('PUT', `/numbers/${NUMBER}/recording`, { isOn: true });
  await ask('PUT', '/api-faults', [{ path: '/v1/*', code: 1014 }]);
  await ask('POST', `/numbers/${NUMBER}/messages`, { from: PERSON, text: 'Hi', profileName: 'Ana' });
});
afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the control API', () => {
  const read = controlRoutes.filter(({ method, answer }) => method === 'GET' && typeof answer === 'object');
  it.each(read.map((route) => [route.path, route] as const))(
    'answers GET %s in the shape that it documents',
    async (path, { answer }) => {
      const response = await ask('GET', path.replace(':number', NUMBER).replace(':waId', PERSON));
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
    const garbled = await app.request('/clock', { method: 'POST', body: '{' });
    expect([garbled.status, await garbled.json()]).toEqual([400, { error: 'the body is not valid JSON' }]);
  });

  it('refuses a message to a number that is not registered', async () => {
    const answer = await ask('POST', '/numbers/16319999999/messages', { from: PERSON, text: 'Hi' });
    expect([answer.status, await answer.json()]).toEqual([404, { error: '16319999999 is not registered' }]);
  });

  it('lists every call, and adds its paths with their shapes to the OpenAPI document of the API', async () => {
    const { calls } = (await (await ask('GET', '/calls')).json()) as { calls: string[] };
    expect(calls).toHaveLength(controlRoutes.length);
    expect(calls.find((call) => call.includes('/limits'))).toContain('{"tier"?, "quality"?}');
    const document = (await (await ask('GET', '/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, object>>;
    };
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/v1/messages': API.paths['/v1/messages'],
        '/numbers/{number}/messages': {
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
});
