import { expect, it } from 'vitest';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import { responseOf } from './jsonTexts.ts';
import type { NetworkLink } from './networkLink.ts';
import { emptyAnswer, jsonAnswer } from './respond.ts';
import { tellBackend, withBackend } from './withBackend.ts';

const REQUEST = new Request('https://stack/v1/health');
const answered = async (backend: NetworkLink['backend'], answer: Response) =>
  withBackend(() => answer, { backend })(REQUEST, {} as never);

it('names the Cloud API in meta, and keeps status, headers and payload', async () => {
  const made = jsonAnswer({ status: 201, payload: { messages: [{ id: 'a' }] }, relayed: true }, 'v2.57.1');
  const told = await answered({ name: 'cloud-api', version: 'v26.0' }, responseOf(made));
  expect(told.status).toBe(201);
  expect(told.headers.get('x-internal-request-ids')).toMatch(/\S/);
  expect(await told.json()).toEqual({
    messages: [{ id: 'a' }],
    meta: { version: '2.57.1', backend: { name: 'cloud-api', version: 'v26.0' }, api_status: 'stable' },
  });
});

it('does the same for an answer that is written without objects of the Fetch API', () => {
  const made = jsonAnswer({ status: 201, payload: { messages: [{ id: 'a' }] }, relayed: true }, 'v2.57.1');
  const told = tellBackend(made, { backend: { name: 'cloud-api', version: 'v26.0' } });
  expect(told).toBeInstanceOf(JsonAnswer);
  expect(JSON.parse((told as JsonAnswer).text)).toEqual({
    messages: [{ id: 'a' }],
    meta: { version: '2.57.1', backend: { name: 'cloud-api', version: 'v26.0' }, api_status: 'stable' },
  });
  expect(tellBackend(made, { backend: undefined })).toBe(made);
});

it.each([undefined, 'unknown' as const])(
  'leaves answers alone while %s is behind the stack',
  async (backend) => {
    const made = responseOf(jsonAnswer({ status: 200 }, 'v2.57.1'));
    expect(await answered(backend, made)).toBe(made);
  },
);

it('leaves answers without JSON alone', async () => {
  const made = emptyAnswer(401);
  expect(await answered({ name: 'cloud-api', version: 'v26.0' }, responseOf(made))).toBe(made);
});
