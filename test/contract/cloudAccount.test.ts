import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { startCloudStack } from '../support/cloudStack.ts';
import { PNG } from '../support/conformanceApi.ts';
import { eventually } from '../support/eventually.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';

const never = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(variables: Record<string, string> = {}) {
  const graph = await SimulatedGraph.start();
  closers.push(() => graph.close());
  const stack = await startCloudStack(graph, variables);
  closers.push(() => stack.close());
  return { graph, ...stack };
}

describe('the profile of a stack with the Cloud API behind it', () => {
  it('is written there and read from there, whoever changed it', async () => {
    const { graph, client, session } = await start();
    const profile = {
      address: '1 Main Street',
      description: 'A shop',
      email: 'shop@x.example',
      vertical: 'Shopping and Retail' as const,
      websites: ['https://x.example'],
    };
    await client.settings.setBusinessProfile(session, profile, never);
    await client.settings.setAbout(session, 'Open', never);
    const there = graph.known.graphSettings?.profile;
    expect(there).toEqual({ ...profile, vertical: 'RETAIL', about: 'Open' });
    const change = { profile: { ...there, email: 'new@x.example', about: 'Closed' } };
    await graph.network.record({ type: 'graph-settings', number: graph.number, change });
    expect(await client.settings.businessProfile(session, never)).toEqual({
      ...profile,
      email: 'new@x.example',
    });
    expect(await client.settings.about(session, never)).toBe('Closed');
  });

  it('has a photo that is uploaded there, and cannot be removed', async () => {
    const { graph, call, client, session } = await start();
    await client.settings.setPhoto(session, PNG, 'image/png', never);
    const sha256 = createHash('sha256').update(PNG).digest('hex');
    expect(graph.known.graphSettings?.picture).toEqual({ type: 'image/png', sha256 });
    expect((await call('GET', '/v1/settings/profile/photo')).status).toBe(200);
    expect(JSON.parse((await call('DELETE', '/v1/settings/profile/photo')).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('cannot remove the photo') }],
    });
  });

  it('tells what Graph refuses, and keeps nothing of it', async () => {
    const { graph, call } = await start();
    await graph.setToken('another');
    const refused = await call('PATCH', '/v1/settings/profile/about', { text: 'Open' });
    expect(JSON.parse(refused.body)).toMatchObject({ errors: [{ code: 1005 }] });
    expect(graph.known.graphSettings?.profile).toBeUndefined();
  });
});

describe('the account of a stack with the Cloud API behind it', () => {
  it('has the PIN changed, and two-step verification not switched off', async () => {
    const { graph, call } = await start();
    expect((await call('POST', '/v1/settings/account/two-step', { pin: '654321' })).status).toBe(200);
    expect(graph.known.pin).toBe('654321');
    expect(JSON.parse((await call('DELETE', '/v1/settings/account/two-step')).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('two-step') }],
    });
  });

  it('expires with no build', async () => {
    const { call } = await start();
    const { support } = JSON.parse((await call('GET', '/v1/support')).body) as {
      support: { expire_timestamp: string };
    };
    expect(support.expire_timestamp).toMatch(/^9000-/);
  });

  it('refuses what has no counterpart, and says what to do instead', async () => {
    const { call } = await start();
    const backup = JSON.parse((await call('POST', '/v1/settings/backup', { password: 'p' })).body) as {
      settings: { data: string };
    };
    const restored = await call('POST', '/v1/settings/restore', {
      password: 'p',
      data: backup.settings.data,
    });
    expect(JSON.parse(restored.body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('WABA_CLOUD_BACKUP') }],
    });
  });

  it('moves a number with the backup of its On-Premises installation, and needs its PIN for that', async () => {
    const variables = { WABA_CLOUD_BACKUP: 'sealed', WABA_CLOUD_BACKUP_PASSWORD: 'secret' };
    const { graph, call } = await start(variables);
    await graph.network.record({
      type: 'graph-number',
      number: graph.number,
      change: { status: 'DISCONNECTED' },
    });
    const account = { cc: '1', phone_number: graph.number.slice(1), method: 'sms', cert: 'Y2VydA==' };
    expect(JSON.parse((await call('POST', '/v1/account', account)).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('pin: ') }],
    });
    expect(graph.known.graph?.registeredAt).toBeUndefined();
    expect((await call('POST', '/v1/account', { ...account, pin: '123456' })).status).toBe(201);
    // Without the backup Graph would have demanded a code.
    expect([graph.known.pin, graph.known.graph?.status]).toEqual(['123456', 'CONNECTED']);
  });

  it('has webhooks tell identities, and holds messages to a person whose identity changed until that is acknowledged', async () => {
    const { graph, call, client, session, messages } = await start();
    await eventually(() => graph.known.graphSettings?.checksIdentity && graph.isSubscribed);
    await client.settings.patchApplication(session, { show_security_notifications: true }, never);
    const ana = '16505550001';
    await graph.say(ana, { type: 'text', text: 'first' });
    await eventually(() => messages().length === 1);
    const send = () => call('POST', '/v1/messages', { to: ana, text: { body: 'Hi' } });
    expect((await send()).status).toBe(201);
    await graph.network.people.changeIdentity(ana);
    await graph.say(ana, { type: 'text', text: 'second' });
    await eventually(() => messages().some(({ type }) => type === 'system'));
    expect(JSON.parse((await send()).body)).toMatchObject({ errors: [{ code: 1028 }] });
    expect(
      (await call('PUT', `/v1/contacts/${ana}/identity`, { hash: graph.network.people.identityOf(ana) }))
        .status,
    ).toBe(200);
    expect((await send()).status).toBe(201);
  });
});
