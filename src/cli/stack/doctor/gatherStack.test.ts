import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../../../test/support/fakeCluster.ts';
import { type HttpsServer, startHttpsServer } from '../../../../test/support/httpsServer.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { systemClock } from '../../../base/clock.ts';
import { KubeClient } from '../../../engine/kube/client.ts';
import type { Known } from './check.ts';
import type { Gatherer } from './gather.ts';
import { gatherStack } from './gatherStack.ts';
import { Mask } from './mask.ts';

const never = new AbortController().signal;
const API_KEY = 'an-api-key-of-the-stack';
const MINUTE_MS = 60_000;

const ANSWERS: Readonly<Record<string, object>> = {
  '/v1/health': { health: { gateway_status: 'connected' } },
  '/v1/stats/db': {
    stats: { db: { db_pending_callbacks: { type: 'gauge', help: 'h', data: [{ value: 7 }] } } },
  },
};

/** A Webapp whose clock is a minute ahead. */
let webapp: HttpsServer;
let other: HttpsServer;
beforeAll(async () => {
  webapp = await startHttpsServer((request, response) => {
    const isKnown = request.headers.authorization === `Apikey ${API_KEY}` || request.url === '/';
    response.setHeader('date', new Date(Date.now() + MINUTE_MS).toUTCString());
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(ANSWERS[request.url ?? ''] ?? {}));
  });
  other = await startHttpsServer((_, response) => void response.end());
});
afterAll(async () => {
  await webapp.close();
  await other.close();
});

const secret = (name: string, content: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  data: Object.fromEntries(
    Object.entries(content).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  ),
});
const journal = (webappCa: string, names: readonly string[] = ['127.0.0.1']) =>
  secret('shop-journal', {
    'journal.json': JSON.stringify({ webappCa, served: { names, notAfter: 0, ca: '', authority: '' } }),
  });

let cluster: FakeCluster;
let closed: number;
const close = () => {
  closed += 1;
};
const gather = (changes: Partial<Gatherer> = {}) => {
  const resource = whatsAppDeployment();
  const stored = { apiVersion: 'v1', kind: 'x', metadata: { name: 'shop' } };
  const { port } = new URL(webapp.url);
  const gatherer: Gatherer = {
    client: new KubeClient(cluster),
    namespace: 'default',
    clock: systemClock,
    mask: new Mask(),
    reach: async () => ({ host: '127.0.0.1', port: Number(port), close }),
    exec: () => Promise.reject(new Error('no exec')),
    ...changes,
  };
  return gatherStack(gatherer, { stored, resource }, 0, never);
};
const known = <T>(fact: Known<T>): T => {
  if ('unknown' in fact) throw new Error(fact.unknown);
  return fact.value;
};
beforeEach(() => {
  closed = 0;
  cluster = new FakeCluster(journal(webapp.caPem), secret('shop-keys', { apiKey: API_KEY }));
});

describe('what the doctor learns from the Webapps', () => {
  it('is their certificate, their clock, the health of the nodes and how many callbacks wait', async () => {
    const { front, health, counters } = await gather();
    expect(known(front)).toMatchObject({
      certificate: { subject: 'CN=test' },
      untrusted: { value: undefined },
    });
    const { clock } = known(front);
    expect(Math.abs((clock?.aheadMs ?? 0) - MINUTE_MS)).toBeLessThan((clock?.errorMs ?? 0) + 1_000);
    expect(known(health)).toEqual({ '': { gateway_status: 'connected' } });
    expect(known(counters)).toMatchObject({ callbacks: 7 });
    expect(closed).toBe(1);
  });

  it('tells when another authority signed the certificate, or it has another name', async () => {
    cluster.put(journal(other.caPem));
    expect(known(known((await gather()).front).untrusted)).toContain(
      'no authority that is trusted signed it',
    );
    cluster.put(journal(webapp.caPem, ['api.example.org']));
    expect(known(known((await gather()).front).untrusted)).toContain(
      'does not bear the name shop-webapp.default.svc',
    );
  });

  it('is unknown without a way to them, and says why', async () => {
    const reach = () => Promise.reject(new Error('kubectl is not installed'));
    const { front, health, counters } = await gather({ reach });
    for (const fact of [front, health, counters])
      expect(fact).toEqual({ unknown: 'kubectl is not installed' });
  });
});

it('keeps of the password of the database only the characters that the client does not take', async () => {
  cluster.put(secret('shop-database', { username: 'waba', password: 'a&b?c&d' }));
  const { forbiddenCharacters } = await gather();
  expect(known(forbiddenCharacters)).toEqual({ secretName: 'shop-database', characters: '&?' });
});

it('keeps the recent warnings about objects of the stack, newest first', async () => {
  const event = (name: string, object: string, agoMs: number) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    type: 'Warning',
    reason: name,
    message: 'm',
    lastTimestamp: new Date(Date.now() - agoMs).toISOString(),
    involvedObject: { kind: 'Pod', name: object },
  });
  for (const each of [
    event('older', 'shop-webapp-1', 2 * MINUTE_MS),
    event('newer', 'shop-webapp-1', MINUTE_MS),
    event('history', 'shop-webapp-1', 60 * MINUTE_MS),
    event('foreign', 'web-1', 0),
  ])
    cluster.put(each);
  expect(known((await gather()).warnings).map(({ reason }) => reason)).toEqual(['newer', 'older']);
});

it('gives up on a fact that hangs, and has the others', async () => {
  // Time passes at once for the deadline of each fact.
  const clock = {
    ...systemClock,
    after: (_: number, callback: () => void) => systemClock.after(300, callback),
  };
  const reach = (_: object, signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const { front, pods } = await gather({ clock, reach });
  expect(front).toEqual({ unknown: 'no answer within 15 s' });
  expect(known(pods)).toEqual([]);
});
