import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { type HttpsServer, startHttpsServer } from '../../../test/support/httpsServer.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';

/** Calls that the Webapp of the stack has answered: method, path, authorization, body. */
const calls: string[] = [];
let webapp: HttpsServer;
beforeAll(async () => {
  webapp = await startHttpsServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const call = `${request.method} ${request.url}`;
    calls.push(`${call} ${request.headers.authorization} ${body}`);
    const answer = ANSWERS[call];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { errors: [{ code: 1006, title: 'Resource not found' }] }));
  });
});
afterAll(() => webapp.close());
afterEach(() => void vi.unstubAllGlobals());

const ANSWERS: Record<string, object> = {
  'POST /v1/users/login': { users: [{ token: 'a.b.c', expires_after: '2030-01-01 00:00:00+00:00' }] },
  'GET /v1/users/admin': { users: [{ username: 'admin', ROLES: 'ROLE_ADMIN' }] },
  'POST /v1/messages': { messages: [{ id: 'gBEG' }] },
  'POST /v1/contacts': {
    contacts: [
      { input: '+1 650 555 0011', status: 'valid', wa_id: '16505550011' },
      { input: '00999', status: 'invalid' },
    ],
  },
};

const secret = (name: string, content: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  data: Object.fromEntries(
    Object.entries(content).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  ),
});

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(args, { cluster });
beforeEach(() => {
  calls.length = 0;
  const https = Number(new URL(webapp.url).port);
  const users = [{ name: 'clerk', passwordSecretRef: { name: 'clerk' } }];
  const served = { names: ['127.0.0.1'], notAfter: 0, ca: '', authority: '' };
  cluster = new FakeCluster(
    whatsAppDeployment({ spec: { service: { ports: { https } }, users } }),
    secret('shop-journal', { 'journal.json': JSON.stringify({ webappCa: webapp.caPem, served }) }),
    secret('shop-admin', { password: 'secret' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop-webapp', namespace: 'default' },
      spec: { clusterIP: '127.0.0.1' },
    },
  );
});

describe('kubectl waba login', () => {
  it('prints a token of admin, alone or with its expiry and host', async () => {
    expect(await waba('login', 'shop')).toEqual({ code: 0, stdout: 'a.b.c\n', stderr: '' });
    expect(calls[0]).toContain(`Basic ${Buffer.from('admin:secret').toString('base64')}`);
    expect(JSON.parse((await waba('login', 'shop', '-o', 'json')).stdout)).toEqual({
      token: 'a.b.c',
      expires: '2030-01-01T00:00:00.000Z',
      host: 'shop-webapp.default.svc',
    });
  });

  it('says what the stack lacks before the operator has reached the API', async () => {
    cluster.put(secret('shop-journal', { 'journal.json': '{}' }));
    const { code, stderr } = await waba('login', 'shop');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: the API of shop has not answered the operator yet; `kubectl waba status shop` shows why\n',
    );
    cluster = new FakeCluster(whatsAppDeployment());
    expect((await waba('login', 'shop')).stderr).toContain('Secret shop-journal does not exist yet');
  });
});

describe('kubectl waba send', () => {
  it('sends a text, or any other message', async () => {
    expect((await waba('send', 'shop', '--to', '16505550011', '--text', 'Hi')).stdout).toBe(
      'accepted gBEG\n',
    );
    const sent = () => JSON.parse(calls.at(-1)?.replace(/^.*? Bearer a\.b\.c /, '') ?? '') as object;
    expect(sent()).toMatchObject({ to: '16505550011', text: { body: 'Hi' } });
    await waba('send', 'shop', '--to', '16505550011', '--message', '{"type":"location","location":{}}');
    expect(sent()).toEqual({ to: '16505550011', type: 'location', location: {} });
  });

  it('knows the token of the control port, and says what to do if the process has an older one', async () => {
    cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'waba-network', namespace: 'default' },
      spec: { clusterIP: '127.0.0.1' },
    });
    const asked: unknown[] = [];
    let status = 200;
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      asked.push([url, init.headers]);
      return new Response('{}', { status });
    });
    await waba('send', 'shop', '--to', '1', '--open');
    cluster.put(secret('waba-network-control', { token: 'open-sesame' }));
    await waba('send', 'shop', '--to', '1', '--open');
    const url = 'http://127.0.0.1:8080/numbers/16315551000/messages';
    expect(asked).toEqual([
      [url, undefined],
      [url, { authorization: 'Bearer open-sesame' }],
    ]);
    status = 401;
    const { code, stderr } = await waba('send', 'shop', '--to', '1', '--open');
    expect(stderr).toContain('kubectl -n default rollout restart deployment/waba-network');
    expect(code).toBe(1);
  });

  it('prints each state of a watched message once, and fails with the message', async () => {
    cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'waba-network', namespace: 'default' },
      spec: { clusterIP: '127.0.0.1' },
    });
    const states: object[] = [{ status: 'sent' }, { status: 'sent' }, { status: 'read' }];
    vi.stubGlobal('fetch', async () => Response.json({ messages: [{ id: 'gBEG', ...states.shift() }] }));
    const arrived = await waba('send', 'shop', '--to', '1', '--watch');
    expect(arrived).toEqual({ code: 0, stdout: 'accepted gBEG\nsent\ndelivered\nread\n', stderr: '' });
    states.push({ status: 'failed', error: { code: 470, title: 'too late' } });
    const failed = await waba('send', 'shop', '--to', '1', '--watch');
    expect(failed.stdout).toBe('accepted gBEG\nfailed 470 too late\n');
    expect(failed.stderr).toContain('message gBEG failed: 470 too late');
    expect(failed.code).toBe(1);
  });

  it('refuses to watch a message that no simulated network carries', async () => {
    const https = Number(new URL(webapp.url).port);
    const emulator = { network: { url: 'tcp://network:5222' } };
    cluster.put(whatsAppDeployment({ spec: { service: { ports: { https } }, emulator } }));
    const { code, stderr } = await waba('send', 'shop', '--to', '1', '--open');
    expect(stderr).toContain('WhatsAppDeployment shop uses another network');
    expect(code).toBe(1);
    expect(calls.filter((call) => call.includes('/v1/messages'))).toEqual([]);
  });
});

describe('kubectl waba users', () => {
  it('lists admin and the declared users, and which of them exist', async () => {
    const { stdout } = await waba('users', 'shop');
    expect(stdout.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
      ['NAME', 'ROLE', 'IN THE STACK', 'PASSWORD'],
      ['admin', 'ROLE_ADMIN', 'yes', 'Secret shop-admin, key password'],
      ['clerk', 'ROLE_USER', 'no', 'Secret clerk, key password'],
      [''],
    ]);
  });
});

describe('kubectl waba contacts', () => {
  it('shows the WhatsApp ids of numbers, and asks WhatsApp again with --force', async () => {
    const { stdout } = await waba('contacts', 'shop', '+1 650 555 0011', '00999', '--force');
    expect(stdout.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
      ['NUMBER', 'STATUS', 'WHATSAPP ID'],
      ['+1 650 555 0011', 'valid', '16505550011'],
      ['00999', 'invalid', '-'],
      [''],
    ]);
    expect(calls.at(-1)).toContain('"force_check":true');
  });
});
