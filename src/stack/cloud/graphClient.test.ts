import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import type { GraphMessage } from '../../cloud/graphMessage.ts';
import { GraphClient, GraphRefusal, GraphUnknown, GraphUnreachable } from './graphClient.ts';
import { type GraphRequest, type GraphTransport, RequestNotSent } from './graphTransport.ts';

const never = new AbortController().signal;
const MESSAGE: GraphMessage = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+16505550001',
  type: 'text',
  biz_opaque_callback_data: 'id',
  text: { body: 'Hi' },
};

function clientOf(transport: GraphTransport) {
  const clock = new VirtualClock();
  const client = new GraphClient({
    graphUrl: 'https://graph.example',
    graphVersion: 'v26.0',
    phoneNumberId: '1065',
    accessToken: () => 'token',
    transport,
    clock,
  });
  return { client, clock };
}
const text = (status: number, body: string, location?: string) => ({
  status,
  location,
  type: 'text/plain',
  body: Buffer.from(body),
});
const json = (status: number, body: unknown) => async () => text(status, JSON.stringify(body));

describe('a message that is posted to Graph', () => {
  it('bears the token, and is there when the answer names it', async () => {
    const calls: GraphRequest[] = [];
    const { client } = clientOf(async (request) => {
      calls.push(request);
      return json(200, { contacts: [{ wa_id: '16505550001' }], messages: [{ id: 'wamid.1' }] })();
    });
    expect(await client.send(MESSAGE, never)).toEqual({ wamid: 'wamid.1', waId: '16505550001' });
    expect(calls).toMatchObject([
      {
        method: 'POST',
        url: 'https://graph.example/v26.0/1065/messages',
        headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
        body: JSON.stringify(MESSAGE),
      },
    ]);
  });

  it.each([
    ['a 400 with an error of Graph', json(400, { error: { code: 131026, message: 'No' } })],
    ['a 401', json(401, { error: { code: 190, message: 'No' } })],
    ['a 429', json(429, { error: { code: 130429, message: 'No' } })],
    ['a 503 that says to try again', json(503, { error: { code: 131016, message: 'Later' } })],
  ])('is not there after %s', async (_, answer) => {
    await expect(clientOf(answer).client.send(MESSAGE, never)).rejects.toBeInstanceOf(GraphRefusal);
  });

  it('has not left when the transport says so', async () => {
    const transport = () => Promise.reject(new RequestNotSent(new Error('ECONNREFUSED')));
    await expect(clientOf(transport).client.send(MESSAGE, never)).rejects.toBeInstanceOf(GraphUnreachable);
  });

  it.each([
    ['a 500 with an error that says nothing of that', json(500, { error: { code: 131000, message: 'No' } })],
    ['a 500 with an error that is final elsewhere', json(500, { error: { code: 131026, message: 'No' } })],
    ['a 502 of a proxy', async () => text(502, '<html>')],
    ['a 400 of a proxy', async () => text(400, '<html>')],
    ['a 200 that names no message', json(200, {})],
    ['a connection that broke off', () => Promise.reject(new Error('ECONNRESET'))],
  ])('may be there after %s', async (_, answer) => {
    await expect(clientOf(answer).client.send(MESSAGE, never)).rejects.toBeInstanceOf(GraphUnknown);
  });

  it.each([
    [GraphUnknown, 'no answer within 20 s', (reason: Error) => reason],
    [GraphUnreachable, 'cannot be reached', (reason: Error) => new RequestNotSent(reason)],
  ])('fails with %o when no answer comes in time: it may have left or not', async (kind, words, asTold) => {
    const { client, clock } = clientOf(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(asTold(signal.reason))),
        ),
    );
    const sent = client.send(MESSAGE, never);
    sent.catch(() => {});
    await clock.advance(30_000);
    await expect(sent).rejects.toThrow(words);
    await expect(sent).rejects.toBeInstanceOf(kind);
  });

  it('ends with the gateway', async () => {
    const end = new AbortController();
    const { client } = clientOf(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new RequestNotSent(signal.reason))),
        ),
    );
    const sent = client.send(MESSAGE, end.signal);
    end.abort(new Error('the gateway ends'));
    await expect(sent).rejects.toThrow('the gateway ends');
  });
});

it('follows a redirect of media, and tells the token to no other server', async () => {
  const calls: GraphRequest[] = [];
  const answers = [
    json(200, { url: 'https://graph.example/bytes' }),
    async () => text(302, '', '/elsewhere'),
    async () => text(302, '', 'https://cdn.example/bytes'),
    async () => text(200, 'the bytes'),
  ];
  const { client } = clientOf(async (request) => {
    calls.push(request);
    return (answers.shift() ?? (() => Promise.reject(new Error('no answer'))))();
  });
  expect((await client.download('7', never)).toString()).toBe('the bytes');
  expect(calls.map(({ url, headers }) => [url, headers.authorization])).toEqual([
    ['https://graph.example/v26.0/7', 'Bearer token'],
    ['https://graph.example/bytes', 'Bearer token'],
    ['https://graph.example/elsewhere', 'Bearer token'],
    ['https://cdn.example/bytes', undefined],
  ]);
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

it('registers a number with its PIN, and with the backup of its On-Premises installation', async () => {
  const bodies: unknown[] = [];
  const { client } = clientOf(async ({ body }) => {
    bodies.push(JSON.parse(String(body)));
    return json(200, { success: true })();
  });
  const backup = { data: 'sealed', password: 'secret' };
  await client.register({ pin: '123456' }, never);
  await client.register({ pin: '123456', backup }, never);
  const registration = { messaging_product: 'whatsapp', pin: '123456' };
  expect(bodies).toEqual([registration, { ...registration, backup }]);
});
