import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import { CODE, certificateFor, EmulatorStack, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';
const API_KEY = { apiKey: 'test-api-key-0001' };
const CUSTOMER = '16505551234';

let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const login = (client: StackClient) =>
  client.users
    .login('admin', PASSWORD, {}, never)
    .catch(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never));

async function register(stack: EmulatorStack, client: StackClient, session: Session): Promise<void> {
  const request = {
    cc: '1',
    phone_number: stack.number.slice(1),
    method: 'sms' as const,
    cert: certificateFor(stack.number),
  };
  const { outcome } = await eventually(() =>
    client.account.requestCode(session, request, never).catch(retriable),
  );
  if (outcome === 'code-sent') await client.account.verify(session, CODE, never);
}
const retriable = (error: { retriable?: boolean }) => {
  if (error.retriable) return undefined;
  throw error;
};
const connected = async (client: StackClient) => {
  const nodes = await client.health.nodes(API_KEY, never);
  return Object.entries(nodes)
    .filter(([, { gateway_status }]) => gateway_status === 'connected')
    .map(([key]) => key);
};

describe('a highly available stack', () => {
  let stack: EmulatorStack;
  let client: StackClient;
  let session: Session;
  beforeAll(async () => {
    stack = await EmulatorStack.start(database, 'ha_', { masters: 2, coreapps: 2, webapps: 2 });
    client = stack.client();
  });

  afterAll(() => stack.close());
  /** A webhook CA takes effect only after a restart. */
  const restartCoreapps = async () => {
    for (const name of ['coreapp-0', 'coreapp-1']) {
      await stack.nodes.get(name)?.close();
      await stack.startNode(name, { master: false, multiconnect: true });
    }
  };

  it('requires a new admin password, and refuses weak and wrong ones', async () => {
    await expect(client.users.login('admin', 'secret', {}, never)).rejects.toMatchObject({ apiCode: 1024 });
    await expect(client.users.login('admin', 'secret', { newPassword: 'weak' }, never)).rejects.toMatchObject(
      {
        apiCode: 1009,
      },
    );
    await expect(client.users.login('admin', 'wrong', {}, never)).rejects.toMatchObject({
      status: 401,
      apiCode: undefined,
    });
    session = await client.users.login('admin', 'secret', { newPassword: PASSWORD }, never);
    await expect(client.users.login('admin', 'secret', {}, never)).rejects.toMatchObject({ status: 401 });
    expect(session.expiresAtMs - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
  });

  it('accepts a token of one Webapp at another, and serves the CA that signed both certificates', async () => {
    expect(await stack.client(1).account.shards(session, never)).toBe(1);
    expect(await client.certificates.externalCa(session, never)).toBe(stack.webapps[1]?.caPem);
    await expect(client.account.shards({ token: 'x.y.z', expiresAtMs: 0 }, never)).rejects.toMatchObject({
      status: 401,
    });
  });

  it('is unregistered at first, with one primary Master, and accepts no message', async () => {
    const nodes = await eventually(async () => {
      const health = await client.health.nodes(API_KEY, never);
      return Object.values(health).filter(({ gateway_status }) => gateway_status === 'unregistered')
        .length === 4
        ? health
        : undefined;
    });
    expect(
      Object.values(nodes)
        .map(({ role }) => role)
        .sort(),
    ).toEqual(['coreapp', 'coreapp', 'primary_master', 'secondary_master']);
    await eventually(async () =>
      Object.values(await client.support.nodes(session, never)).some(({ shards }) => shards?.length),
    );
    await expect(client.messages.sendText(session, CUSTOMER, 'early', never)).rejects.toMatchObject({
      apiCode: 1011,
    });
  });

  it('refuses a bad certificate and a wrong code, registers once, and says when to request another code', async () => {
    const request = {
      cc: '1',
      phone_number: stack.number.slice(1),
      method: 'sms' as const,
      cert: certificateFor(stack.number),
    };
    await expect(
      client.account.requestCode(session, { ...request, cert: 'AAAA' }, never),
    ).rejects.toMatchObject({
      apiCode: 1005,
      details: "Registration failed for reason 'biz_link_info_invalid_payload'.",
    });
    expect(await client.account.requestCode(session, request, never)).toEqual({
      outcome: 'code-sent',
      vname: 'Test Shop',
    });
    await expect(client.account.requestCode(session, request, never)).rejects.toMatchObject({
      status: 403,
      apiCode: 1005,
      details: 'Please wait 0 hour(s) 10 minute(s) before trying again',
    });
    await expect(client.account.verify(session, '000-000', never)).rejects.toMatchObject({ apiCode: 1005 });
    await client.account.verify(session, '123-456', never);
    expect(await client.account.requestCode(session, request, never)).toEqual({
      outcome: 'already-registered',
    });
    expect(stack.network.state.numbers.get(stack.number)?.registrations).toBe(1);
  });

  it('connects exactly one Coreapp; the others are disconnected, which is healthy', async () => {
    const [owner, ...others] = await eventually(async () => {
      const keys = await connected(client);
      return keys.length > 0 ? keys : undefined;
    });
    expect(owner).toContain('coreapp');
    expect(others).toEqual([]);
  });

  it('merges settings, refuses unknown fields, and keeps its own number read-only', async () => {
    await client.settings.patchApplication(
      session,
      { webhooks: { message: { sent: true } }, heartbeat_interval: 1, unhealthy_interval: 3 },
      never,
    );
    const settings = await client.settings.application(session, never);
    expect(settings).toMatchObject({
      wa_id: stack.number,
      heartbeat_interval: 1,
      webhooks: { message: { sent: true, delivered: true } },
    });
    await expect(
      client.settings.patchApplication(session, { webhooks: { url: 'http://x' } }, never),
    ).rejects.toMatchObject({ apiCode: 1009 });
    await expect(client.settings.patchApplication(session, { colour: 'red' }, never)).rejects.toMatchObject({
      apiCode: 1010,
      details: expect.stringContaining('colour'),
    });
  });

  it('delivers sent, delivered and read to a webhook with a private CA, after the restart that the CA needs', async () => {
    const receiver = await startReceiver();
    expect(await client.certificates.webhookCa(session, never)).toBeUndefined();
    await expect(client.certificates.setWebhookCa(session, 'no pem', never)).rejects.toMatchObject({
      apiCode: 1009,
    });
    await client.certificates.setWebhookCa(session, receiver.caPem, never);
    await client.settings.patchApplication(
      session,
      { webhooks: { url: receiver.url }, callback_backoff_delay_ms: 100 },
      never,
    );
    expect(await client.certificates.webhookCa(session, never)).toBe(receiver.caPem);
    await restartCoreapps();
    await eventually(async () => (await connected(client)).length === 1);

    await stack.network.people.write({
      from: CUSTOMER,
      to: stack.number,
      type: 'text',
      content: { body: 'Hi' },
      profileName: 'Ana',
    });
    await eventually(() => receiver.received.length > 0);
    expect(receiver.received[0]).toMatchObject({
      contacts: [{ wa_id: CUSTOMER, profile: { name: 'Ana' } }],
      messages: [{ from: CUSTOMER, type: 'text', text: { body: 'Hi' } }],
    });
    const id = await client.messages.sendText(session, CUSTOMER, 'Hello', never);
    await eventually(() => receiver.statuses(id).length === 3);
    expect(receiver.statuses(id)).toEqual(['sent', 'delivered', 'read']);
    await receiver.close();
  });

  it('reports messages outside the session window as failed with code 470', async () => {
    const receiver = await startReceiver();
    await client.certificates.setWebhookCa(session, receiver.caPem, never);
    await restartCoreapps();
    await client.settings.patchApplication(session, { webhooks: { url: receiver.url } }, never);
    const id = await eventually(() =>
      client.messages.sendText(session, '16505559999', 'cold', never).catch(retriable),
    );
    await eventually(() => receiver.statuses(id).includes('failed'));
    expect(receiver.received.at(-1)?.statuses?.[0]?.errors?.[0]?.code).toBe(470);
    await receiver.close();
  });

  it('refuses messages with the documented codes', async () => {
    await expect(client.messages.sendText(session, 'nobody', 'x', never)).rejects.toMatchObject({
      apiCode: 1009,
    });
    await expect(client.messages.sendText(session, stack.number, 'x', never)).rejects.toMatchObject({
      apiCode: 1021,
    });
    await expect(client.messages.sendText(session, CUSTOMER, 'x'.repeat(4097), never)).rejects.toMatchObject({
      apiCode: 1001,
    });
  });

  it('fails over when the owner or the primary Master stops answering', async () => {
    const before = (await connected(client))[0] ?? '';
    const roleOf = async (role: string) =>
      Object.entries(await client.health.nodes(API_KEY, never)).find(([, node]) => node.role === role)?.[0];
    const master = await roleOf('primary_master');
    await stack.nodes.get(before.split(':')[1] ?? '')?.close();
    const after = await eventually(async () => (await connected(client)).find((key) => key !== before));
    expect(after).toContain('coreapp');
    await stack.nodes.get(master?.split(':')[1] ?? '')?.close();
    await eventually(async () => {
      const now = await roleOf('primary_master');
      return now && now !== master;
    });
    expect(await connected(client)).toEqual([after]);
    await eventually(() => client.messages.sendText(session, CUSTOMER, 'still here', never).catch(retriable));
  });
});

describe('a number with two-step verification', () => {
  it('requires the right PIN with the code request', async () => {
    const stack = await EmulatorStack.start(database, 'pin_', { masters: 0, coreapps: 1, webapps: 1 });
    try {
      const client = stack.client();
      const session = await eventually(() => login(client));
      await eventually(
        async () => (await client.health.nodes(API_KEY, never))['']?.gateway_status === 'unregistered',
      );
      stack.network.state.number(stack.number).pin = '111222';
      const request = {
        cc: '1',
        phone_number: stack.number.slice(1),
        method: 'sms' as const,
        cert: certificateFor(stack.number),
      };
      await expect(client.account.requestCode(session, request, never)).rejects.toMatchObject({
        apiCode: 1008,
        details: 'pin is required',
      });
      await expect(
        client.account.requestCode(session, { ...request, pin: '999999' }, never),
      ).rejects.toMatchObject({
        apiCode: 1005,
      });
      await client.account.requestCode(session, { ...request, pin: '111222' }, never);
      await client.account.verify(session, CODE, never);
      await eventually(
        async () => (await client.health.nodes(API_KEY, never))['']?.gateway_status === 'connected',
      );
    } finally {
      await stack.close();
    }
  });
});

describe('a single instance', () => {
  it('registers, sends, stores callbacks while the receiver fails, and loses nothing in a restart', async () => {
    const stack = await EmulatorStack.start(database, 'single_', { masters: 0, coreapps: 1, webapps: 1 });
    let healthy = false;
    const receiver = await startReceiver(() => (healthy ? 200 : 500));
    try {
      const client = stack.client();
      const session = await eventually(() => login(client));
      await eventually(
        async () => (await client.health.nodes(API_KEY, never))['']?.gateway_status === 'unregistered',
      );
      await client.certificates.setWebhookCa(session, receiver.caPem, never);
      await client.settings.patchApplication(
        session,
        { webhooks: { url: receiver.url, message: { sent: true } }, callback_backoff_delay_ms: 200 },
        never,
      );
      await register(stack, client, session);
      await eventually(
        async () => (await client.health.nodes(API_KEY, never))['']?.gateway_status === 'connected',
      );
      await stack.network.people.write({
        from: CUSTOMER,
        to: stack.number,
        type: 'text',
        content: { body: 'Hi' },
      });
      const ids = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          client.messages.sendText(session, CUSTOMER, `message ${i}`, never),
        ),
      );
      expect(new Set(ids).size).toBe(20);

      await stack.nodes.get('coreapp-0')?.close();
      await expect(client.messages.sendText(session, CUSTOMER, 'down', never)).rejects.toMatchObject({
        apiCode: 1014,
      });
      const restarted = await stack.startNode('coreapp-0', { master: false, multiconnect: false });
      await stack.webapps.shift()?.close();
      await stack.startWebapp(false);
      await eventually(() => restarted.gatewayStatus === 'connected');
      healthy = true;
      await eventually(() => ids.every((id) => new Set(receiver.statuses(id)).size === 3), 60_000);
    } finally {
      await receiver.close();
      await stack.close();
    }
  });
});
