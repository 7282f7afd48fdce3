import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { controlRoutes } from '../../stack/network/control/controlApi.ts';

let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster(whatsAppDeployment(), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'waba-network', namespace: 'default' },
    spec: { clusterIP: '127.0.0.1' },
  });
});
afterEach(() => void vi.unstubAllGlobals());

describe('kubectl waba chat', () => {
  it('sends each line as the customer, and shows what the business answers', async () => {
    const messages: object[] = [];
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      if (init.method === 'POST') {
        const { text } = JSON.parse(String(init.body)) as { readonly text: string };
        messages.push({ id: `in ${text}`, direction: 'in', type: 'text', content: { text: { body: text } } });
        const answer = { text: { body: `You said ${text}` } };
        messages.push({ id: `out ${text}`, direction: 'out', type: 'text', content: answer });
        messages.push({ id: `map ${text}`, direction: 'out', type: 'location', content: {} });
        return Response.json({ id: 'x' });
      }
      const chats = messages.length > 0 ? [{ waId: '16505551234' }] : [];
      return Response.json(url.endsWith('/chats') ? { chats } : { messages });
    });
    const { code, stdout } = await runWaba(['chat', 'shop'], { cluster, stdin: 'Hello\n\n' });
    expect(stdout).toBe('shop: You said Hello\nshop: (location)\n');
    expect(code).toBe(0);
  });
});

describe('kubectl waba webhooks tail', () => {
  it('prints callbacks once they were posted, with the answer of the webhook', async () => {
    const stop = new AbortController();
    const callback = (id: number, attempts: object[]) => ({
      id,
      at: 0,
      state: attempts.length > 0 ? 'delivered' : 'waiting',
      attempts,
      body: { statuses: [{ id: `m${id}`, recipient_id: '1', status: 'sent', timestamp: '1' }] },
    });
    vi.stubGlobal('fetch', async (url: string) => {
      const isServed = controlRoutes.some(
        ({ method, path }) => method === 'GET' && path === new URL(url).pathname,
      );
      if (!isServed) return new Response('404 Not Found', { status: 404 });
      return Response.json({ callbacks: [callback(1, [{ status: 200 }]), callback(2, [])], lastId: 2 });
    });
    const { stdout } = await runWaba(['webhooks', 'tail', 'shop', '--all'], {
      cluster,
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    expect(stdout).toBe('00:00:00.000 webhook sent m1  [delivered: 200]\n');
  });
});
