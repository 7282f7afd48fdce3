import { afterEach, describe, expect, it } from 'vitest';
import { startCloudStack } from '../support/cloudStack.ts';
import { PNG } from '../support/conformanceApi.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble } from '../support/graphDouble.ts';

const never = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  variables: Record<string, string> = {},
  prepare: (graph: GraphDouble) => void = () => {},
) {
  const graph = await GraphDouble.start();
  closers.push(() => graph.close());
  prepare(graph);
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
    expect(graph.profile).toEqual({ ...profile, vertical: 'RETAIL', about: 'Open' });
    Object.assign(graph.profile, { email: 'new@x.example', about: 'Closed' });
    expect(await client.settings.businessProfile(session, never)).toEqual({
      ...profile,
      email: 'new@x.example',
    });
    expect(await client.settings.about(session, never)).toBe('Closed');
  });

  it('has a photo that is uploaded there, and cannot be removed', async () => {
    const { graph, call, client, session } = await start();
    await client.settings.setPhoto(session, PNG, 'image/png', never);
    expect([...graph.media.values()]).toEqual([{ type: 'image/png', bytes: PNG }]);
    expect((await call('GET', '/v1/settings/profile/photo')).status).toBe(200);
    expect(JSON.parse((await call('DELETE', '/v1/settings/profile/photo')).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('cannot remove the photo') }],
    });
  });

  it('tells what Graph refuses, and keeps nothing of it', async () => {
    const { graph, call } = await start();
    graph.token = 'another';
    const refused = await call('PATCH', '/v1/settings/profile/about', { text: 'Open' });
    expect(JSON.parse(refused.body)).toMatchObject({ errors: [{ code: 1005 }] });
    expect(graph.profile).toEqual({});
  });
});

describe('the account of a stack with the Cloud API behind it', () => {
  it('has the PIN changed, and two-step verification not switched off', async () => {
    const { graph, call } = await start();
    expect((await call('POST', '/v1/settings/account/two-step', { pin: '654321' })).status).toBe(200);
    expect(graph.pins).toEqual(['654321']);
    expect(JSON.parse((await call('DELETE', '/v1/settings/account/two-step')).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('two-step') }],
    });
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
    graph.status = 'DISCONNECTED';
    const account = { cc: '1', phone_number: graph.number.slice(1), method: 'sms', cert: 'Y2VydA==' };
    expect(JSON.parse((await call('POST', '/v1/account', account)).body)).toMatchObject({
      errors: [{ code: 1009, details: expect.stringContaining('pin: ') }],
    });
    expect(graph.backup).toBeUndefined();
    expect((await call('POST', '/v1/account', { ...account, pin: '123456' })).status).toBe(201);
    expect(graph.backup).toEqual({ data: 'sealed', password: 'secret' });
    expect([graph.pins, graph.status]).toEqual([['123456'], 'CONNECTED']);
  });

  it('has webhooks tell identities, and holds messages to a person whose identity changed until that is acknowledged', async () => {
    const { graph, call, client, session, messages } = await start();
    await eventually(() => graph.isTellingIdentities);
    await client.settings.patchApplication(session, { show_security_notifications: true }, never);
    const ana = '16505550001';
    const say = (hash: string) =>
      graph.post({
        contacts: [{ wa_id: ana, profile: { name: 'Ana' }, identity_key_hash: hash }],
        messages: [{ from: ana, id: `wamid.${hash}`, timestamp: '1', type: 'text', text: { body: hash } }],
      });
    await say('first');
    await eventually(() => messages().length === 1);
    const send = () => call('POST', '/v1/messages', { to: ana, text: { body: 'Hi' } });
    expect((await send()).status).toBe(201);
    await say('second');
    await eventually(() => messages().some(({ type }) => type === 'system'));
    expect(JSON.parse((await send()).body)).toMatchObject({ errors: [{ code: 1028 }] });
    expect((await call('PUT', `/v1/contacts/${ana}/identity`, { hash: 'second' })).status).toBe(200);
    expect((await send()).status).toBe(201);
  });
});
