import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import type { GraphMessage } from '../../cloud/graphMessage.ts';
import { GraphClient, GraphRefusal, GraphUnknown, GraphUnreachable } from './graphClient.ts';

const never = new AbortController().signal;
const MESSAGE: GraphMessage = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+16505550001',
  type: 'text',
  biz_opaque_callback_data: 'id',
  text: { body: 'Hi' },
};

function clientOf(answer: (url: string, request: RequestInit) => Promise<Response>) {
  const clock = new VirtualClock();
  const client = new GraphClient({
    graphUrl: 'https://graph.example',
    graphVersion: 'v26.0',
    phoneNumberId: '1065',
    accessToken: () => 'token',
    fetch: ((url: string, request: RequestInit) => answer(url, request)) as typeof fetch,
    clock,
  });
  return { client, clock };
}
const json = (status: number, body: unknown) => async () => new Response(JSON.stringify(body), { status });
const broken = (code: string) => async () => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
};

describe('a message that is posted to Graph', () => {
  it('bears the token, and is there when the answer names it', async () => {
    const calls: [string, RequestInit][] = [];
    const { client } = clientOf(async (...call) => {
      calls.push(call);
      return Response.json({ contacts: [{ wa_id: '16505550001' }], messages: [{ id: 'wamid.1' }] });
    });
    expect(await client.send(MESSAGE, never)).toEqual({ wamid: 'wamid.1', waId: '16505550001' });
    const [[url, request] = []] = calls;
    expect(url).toBe('https://graph.example/v26.0/1065/messages');
    expect(request).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer token' } });
  });

  it.each([
    ['a 400 with an error of Graph', json(400, { error: { code: 131026, message: 'No' } })],
    ['a 401', json(401, { error: { code: 190, message: 'No' } })],
    ['a 429', json(429, { error: { code: 130429, message: 'No' } })],
  ])('is not there after %s', async (_, answer) => {
    await expect(clientOf(answer).client.send(MESSAGE, never)).rejects.toBeInstanceOf(GraphRefusal);
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED'])(
    'has not left after %s',
    async (code) => {
      await expect(clientOf(broken(code)).client.send(MESSAGE, never)).rejects.toBeInstanceOf(
        GraphUnreachable,
      );
    },
  );

  it.each([
    ['a 500, also with an error of Graph', json(500, { error: { code: 131000, message: 'No' } })],
    ['a 502 of a proxy', async () => new Response('<html>', { status: 502 })],
    ['a 400 of a proxy', async () => new Response('<html>', { status: 400 })],
    ['a 200 that names no message', json(200, {})],
    ['a connection that broke off', broken('ECONNRESET')],
    ['a connection that was closed', broken('UND_ERR_SOCKET')],
  ])('may be there after %s', async (_, answer) => {
    await expect(clientOf(answer).client.send(MESSAGE, never)).rejects.toBeInstanceOf(GraphUnknown);
  });

  it('may be there when no answer comes in time', async () => {
    const { client, clock } = clientOf(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    );
    const sent = client.send(MESSAGE, never);
    sent.catch(() => {});
    await clock.advance(30_000);
    await expect(sent).rejects.toThrow('no answer within 20 s');
    await expect(sent).rejects.toBeInstanceOf(GraphUnknown);
  });
});

it('knows the digits and the throughput of the number', async () => {
  const about = {
    status: 'CONNECTED',
    display_phone_number: '+1 631-555-1000',
    verified_name: 'Shop',
    throughput: { level: 'HIGH' },
  };
  expect(await clientOf(json(200, about)).client.number(never)).toEqual({
    status: 'CONNECTED',
    number: '16315551000',
    verifiedName: 'Shop',
    throughput: 1_000,
  });
});
