import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport, type StackRequest } from '../../src/client/stackTransport.ts';
import { routes } from '../../src/stack/webapp/routes.ts';
import { API_KEY, certificateFor } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { Simulation } from '../support/simulation.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const WEBP = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64');
const PASSWORD = 'Passw0rd!-other';

let database: Awaited<ReturnType<typeof testDatabase>>;
let simulation: Simulation;
let client: StackClient;
let session: Simulation['session'];
/** Routes that the client has called. */
const reached = new Set<string>();

function note({ method, path }: StackRequest): void {
  const bare = path.split('?')[0] ?? '';
  const known = routes.find(
    (route) =>
      route.method === method && new RegExp(`^${route.path.replace(/:[A-Za-z]+/g, '[^/]+')}$`).test(bare),
  );
  reached.add(`${method} ${known?.path ?? bare}`);
}

beforeAll(async () => {
  database = await testDatabase();
  simulation = await Simulation.start(database, 'client_');
  session = simulation.session;
  const { caPem: ca, ...address } = simulation.stack.address();
  client = new StackClient(new HttpsStackTransport({ ...address, ca, fence: note }));
});
afterAll(async () => {
  client?.close();
  await simulation?.close();
  await database?.close();
});

describe('the client', () => {
  it('manages users', async () => {
    await client.users.create(session, 'agent', PASSWORD, never);
    expect(await client.users.find(session, 'agent', never)).toEqual({
      username: 'agent',
      role: 'ROLE_USER',
    });
    await client.users.setPassword(session, 'agent', `${PASSWORD}2`, never);
    const agent = await client.users.login('agent', `${PASSWORD}2`, {}, never);
    await expect(client.settings.application(agent, never)).rejects.toMatchObject({
      status: 403,
      apiCode: 1005,
    });
    await client.users.logout(agent, never);
    await expect(client.support.nodes(agent, never)).rejects.toMatchObject({ status: 401 });
    expect(await client.users.remove(session, 'agent', never)).toBe(true);
    expect(await client.users.remove(session, 'agent', never)).toBe(false);
    expect(await client.users.find(session, 'agent', never)).toBeUndefined();
  });

  it('registers and reads the account', async () => {
    const { number } = simulation.stack;
    const request = {
      cc: '1',
      phone_number: number.slice(1),
      method: 'sms',
      cert: certificateFor(number),
    } as const;
    expect(await client.account.requestCode(session, request, never)).toEqual({
      outcome: 'already-registered',
    });
    await expect(client.account.verify(session, '000000', never)).rejects.toMatchObject({ apiCode: 1005 });
    await client.account.setTwoStep(session, '123456', never);
    const shards = { cc: '1', phone_number: number.slice(1), shards: 1, pin: '123456', cert: request.cert };
    await client.account.setShards(session, shards, never);
    await client.account.setTwoStep(session, undefined, never);
    expect(await client.account.shards(session, never)).toBe(1);
  });

  it('reads and writes every setting', async () => {
    const { settings } = client;
    const before = (await settings.application(session, never)).webhooks;
    await settings.patchApplication(session, { heartbeat_interval: 7 }, never);
    expect(await settings.application(session, never)).toMatchObject({ heartbeat_interval: 7 });
    await settings.resetApplication(session, never);
    expect(await settings.application(session, never)).toMatchObject({ heartbeat_interval: 5 });
    await settings.patchApplication(session, { webhooks: before }, never);

    const provider = { name: 'cdn', type: 'www' as const, config: { bearer: 'token' } };
    await settings.setMediaProvider(session, provider, never);
    expect(await settings.mediaProviders(session, never)).toEqual([provider]);
    expect(await settings.removeMediaProvider(session, 'cdn', never)).toBe(true);
    expect(await settings.removeMediaProvider(session, 'cdn', never)).toBe(false);

    await settings.setAbout(session, 'Open', never);
    expect(await settings.about(session, never)).toBe('Open');
    expect(await settings.photo(session, never)).toBeUndefined();
    await settings.setPhoto(session, PNG, 'image/png', never);
    const photo = await settings.photo(session, never);
    expect([photo?.type, photo && (await buffer(photo.content)).equals(PNG)]).toEqual(['image/png', true]);
    await settings.removePhoto(session, never);
    await settings.setBusinessProfile(session, { description: 'Shoes', address: 'Here' }, never);
    expect(await settings.businessProfile(session, never)).toMatchObject({ description: 'Shoes' });
    const info = { entity_name: 'Shop', entity_type: 'Partnership' };
    await settings.setComplianceInfo(session, info, never);
    expect(await settings.complianceInfo(session, never)).toEqual(info);
    const backup = await settings.backup(session, 'secret', never);
    await expect(settings.restore(session, 'wrong', backup, never)).rejects.toMatchObject({ apiCode: 1005 });
    await settings.restore(session, 'secret', backup, never);
  });

  it('handles certificates', async () => {
    const { certificates } = client;
    const authority = await createAuthority({ subject: 'CN=own' });
    const pair = await issueCertificate(authority, {
      commonName: 'shop.test',
      hosts: ['shop.test'],
      usage: 'server',
    });
    expect(await certificates.externalCa(session, never)).toBe(simulation.stack.address().caPem);
    const file = pair.privateKeyPem + pair.certificatePem + authority.certificatePem;
    await certificates.setExternal(session, file, never);
    expect(await certificates.webhookCa(session, never)).toBe(simulation.receiver.caPem);
    await certificates.setWebhookCa(session, undefined, never);
    expect(await certificates.webhookCa(session, never)).toBeUndefined();
    await certificates.setWebhookCa(session, simulation.receiver.caPem, never);
  });

  it('sends messages and streams media', async () => {
    const person = await simulation.personWhoWrote();
    expect(await client.contacts.check(session, { contacts: [`+${person}`] }, never)).toMatchObject([
      { wa_id: person, status: 'valid' },
    ]);
    const { hash } = await client.contacts.identity(session, person, never);
    await client.contacts.acknowledgeIdentity(session, person, hash, never);
    const id = await client.media.upload(
      session,
      [PNG.subarray(0, 20), PNG.subarray(20)],
      'image/png',
      never,
    );
    const back = await client.media.download(session, id, never);
    expect([back?.type, back && (await buffer(back.content)).equals(PNG)]).toEqual(['image/png', true]);
    const image = await client.messages.send(session, { to: person, type: 'image', image: { id } }, never);
    await simulation.waitForStatus(image, 'read');
    await simulation.waitForStatus(await client.messages.sendText(session, person, 'Hello', never), 'read');
    const { id: received } = await simulation.waitForMessage(({ from }) => from === person);
    await client.messages.markRead(session, String(received), never);
    await client.settings.patchApplication(session, { media: { auto_download: [] } }, never);
    await simulation.writes(person, {
      type: 'image',
      data: PNG.toString('base64'),
      mime_type: 'image/png',
      image: {},
    });
    const { image: waiting } = await simulation.waitForMessage(({ type }) => type === 'image');
    await client.media.fetch(session, (waiting as { id: string }).id, never);
    expect(await client.media.remove(session, id, never)).toBe(true);
    expect(await client.media.download(session, id, never)).toBeUndefined();
    expect(await client.media.remove(session, id, never)).toBe(false);
  });

  it('keeps sticker packs', async () => {
    const { stickerpacks } = client;
    const pack = { publisher: 'Shop', name: 'Shoes' };
    const id = await stickerpacks.create(session, pack, never);
    expect(await stickerpacks.list(session, {}, never)).toContain(id);
    expect(await stickerpacks.list(session, { isFirstParty: true }, never)).toContain('YaYa');
    await stickerpacks.change(session, id, { name: 'Boots' }, never);
    expect(await stickerpacks.read(session, id, {}, never)).toMatchObject({ name: 'Boots' });
    const image = await client.media.upload(session, [WEBP], 'image/webp', never);
    const index = await stickerpacks.addSticker(session, id, { image_data_id: image }, never);
    expect(await stickerpacks.stickers(session, id, {}, never)).toEqual([index]);
    await stickerpacks.changeSticker(session, id, index, { emojis: ['👞'] }, never);
    expect(await stickerpacks.sticker(session, id, index, never)).toMatchObject({ emojis: ['👞'] });
    expect(await stickerpacks.removeSticker(session, id, index, never)).toBe(true);
    expect(await stickerpacks.remove(session, id, never)).toBe(true);
  });

  it('reads health and statistics, and cleans up', async () => {
    const key = { apiKey: API_KEY };
    expect((await client.health.nodes(key, never))['']?.gateway_status).toBe('connected');
    expect((await client.support.nodes(session, never))['']?.debug_info).toBe(simulation.stack.number);
    for (const area of ['app', 'app/internal', 'db', 'db/internal'] as const)
      expect(Object.keys((await client.stats.nodes(key, area, never))[''] ?? {}).length).toBeGreaterThan(1);
    expect(await client.stats.text(key, 'app', never)).toContain('# TYPE pending_messages gauge');
    expect(Object.keys(await client.metrics.read(key, never))).toContain('web_uptime');
    expect(await client.metrics.text(key, never)).toContain('# TYPE web_uptime gauge');
    await client.services.collectMessages(session, never);
    await client.services.collectMedia(session, never);
    const reports = () => simulation.receiver.received.filter((callback) => 'services' in callback);
    await eventually(() => reports().length === 2);
  });

  it('calls endpoints that have no method', async () => {
    const users = { method: 'POST', path: '/v1/users' } as const;
    const json = { username: 'guest', password: PASSWORD };
    expect(await client.request(session, { ...users, json }, never)).toMatchObject({
      users: [{ username: 'guest' }],
    });
    const unknown = { method: 'GET', path: '/v1/users/nobody' } as const;
    await expect(client.request(session, unknown, never)).rejects.toMatchObject({ status: 404 });
  });

  it('has a call for every endpoint', () => {
    const all = routes.map(({ method, path }) => `${method} ${path}`);
    expect(all.filter((route) => !reached.has(route))).toEqual([]);
    expect([...reached].filter((route) => !all.includes(route))).toEqual([]);
  });

  it('reports a server that does not answer, and an aborted signal', async () => {
    const { caPem: ca, host, serverName } = simulation.stack.address();
    const lost = new StackClient(new HttpsStackTransport({ host, port: 9, serverName, ca }));
    await expect(lost.support.nodes(session, never)).rejects.toMatchObject({
      code: 'Unreachable',
      retriable: true,
    });
    const reason = new Error('stop');
    await expect(client.support.nodes(session, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
