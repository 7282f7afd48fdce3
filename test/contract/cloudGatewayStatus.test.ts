import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { GATEWAY_PATHS } from '../../src/cloud/gatewayStatus.ts';
import { startBareGateway } from '../support/bareGateway.ts';
import { eventually } from '../support/eventually.ts';
import { type AnyGraph, SimulatedGraph } from '../support/simulatedGraph.ts';

const ANA = '16505550001';
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startGraph(): Promise<SimulatedGraph> {
  const graph = await SimulatedGraph.start();
  closers.push(() => graph.close());
  return graph;
}

async function gatewayOf(graph: AnyGraph) {
  const gateway = await startBareGateway(graph);
  closers.push(gateway.close);
  return gateway;
}

async function start() {
  const graph = await startGraph();
  return { graph, ...(await gatewayOf(graph)) };
}

it('tells of Graph, the number, the token, the subscription and what waits', async () => {
  const { graph, status } = await start();
  await eventually(async () => (await status()).subscription.state === 'Subscribed');
  expect(await status()).toMatchObject({
    graph: { version: 'v26.0', isAnswering: true },
    number: {
      status: 'CONNECTED',
      number: graph.number,
      verifiedName: 'Emulated business',
      nameStatus: 'APPROVED',
      quality: 'GREEN',
      throughput: 80,
    },
    token: { state: 'Valid' },
    subscription: { url: graph.callback() },
    sending: { holds: [], waiting: 0, unknownOutcome: 0 },
  });
});

it('tells that Graph refuses the token, and that another one is good, without a restart', async () => {
  const { graph, status, setToken } = await start();
  await eventually(async () => (await status()).token.state === 'Valid');
  await graph.setToken('token-2');
  await setToken('wrong');
  await eventually(async () => (await status()).token.state === 'Refused');
  await setToken('token-2');
  await eventually(async () => (await status()).token.state === 'Valid');
});

it('removes the subscription for good when it is asked to, and says so', async () => {
  const { graph, status, call } = await start();
  await eventually(() => graph.isSubscribed);
  const answer = await call(GATEWAY_PATHS.unsubscribe, 'POST');
  expect([answer.status, (await status()).subscription.state]).toEqual([200, 'Removed']);
  expect(graph.isSubscribed).toBe(false);
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
});

it('says that Graph did not remove the subscription, and tries again when it is asked again', async () => {
  const { graph, status, call } = await start();
  await eventually(() => graph.isSubscribed);
  const { token } = graph;
  await graph.setToken('another');
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(502);
  expect((await status()).subscription).toMatchObject({
    state: 'Failed',
    detail: expect.stringContaining('190'),
  });
  await graph.setToken(token);
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
  expect(graph.isSubscribed).toBe(false);
});

it('leaves the other number of the account its webhooks, and is the last to end the subscription', async () => {
  const graph = await startGraph();
  const other = await graph.addNumber('16315551001');
  const [first, second] = [await gatewayOf(graph), await gatewayOf(other)];
  await eventually(async () => (await first.status()).subscription.state === 'Subscribed');
  await eventually(async () => (await second.status()).subscription.state === 'Subscribed');
  const urls = [first, second].map(({ gateway }) => `http://127.0.0.1:${gateway.webhookPort}/webhook`);
  expect([graph.callback(), graph.callback(other.number)]).toEqual(urls);
  const heard = async ({ metrics }: typeof first) =>
    Number((await metrics()).match(/waba_cloud_webhook_lag_seconds_count (\d+)/)?.[1]);
  await graph.say(ANA, { type: 'text', text: 'To the first' });
  await graph.say(ANA, { type: 'text', text: 'To the second' }, other.number);
  await graph.say(ANA, { type: 'text', text: 'Once more' }, other.number);
  await eventually(async () => (await heard(second)) === 2);
  expect(await heard(first)).toBe(1);
  expect((await first.call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
  expect([graph.callback(), graph.callback(other.number)]).toEqual([undefined, urls[1]]);
  await graph.say(ANA, { type: 'text', text: 'Still there?' }, other.number);
  await eventually(async () => (await heard(second)) === 3);
  expect((await second.call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
  const { accounts } = graph.network.state.graph;
  expect(accounts.get(graph.businessAccountId)?.isSubscribed).toBe(false);
});

it('takes back the webhooks of the whole account, which an earlier release had posted to it', async () => {
  const graph = await startGraph();
  const url = `http://127.0.0.1:${await freePort()}/webhook`;
  const account = { isSubscribed: true, callback: { url, verifyToken: 'verify-token' } };
  await graph.network.record({ type: 'graph-account', id: graph.businessAccountId, account });
  const webhookPort = Number(new URL(url).port);
  const gateway = await startBareGateway(graph, {}, webhookPort);
  closers.push(gateway.close);
  await eventually(async () => (await gateway.status()).subscription.state === 'Subscribed');
  expect(graph.callback()).toBe(url);
  expect(graph.network.state.graph.accounts.get(graph.businessAccountId)).toEqual({ isSubscribed: true });
});

it('counts a billed message once, whichever of delivered and read comes first', async () => {
  const { graph, metrics } = await start();
  await eventually(() => graph.isSubscribed);
  const id = (key: number) =>
    Buffer.from([0x80, 0x11, 6, 0x16, 0x50, 0x55, 0x51, 0x23, 0x4f, 2, 9, ...Array(9).fill(key)]).toString(
      'base64url',
    );
  const tell = (key: number, status: string, billable = true) =>
    graph.tell({
      statuses: [
        {
          id: `wamid.${key}`,
          status,
          timestamp: String(Math.floor(Date.now() / 1_000)),
          recipient_id: '16505551234',
          biz_opaque_callback_data: id(key),
          pricing: { billable, pricing_model: 'PMP', type: 'regular', category: 'utility' },
        },
      ],
    });
  for (const status of ['sent', 'delivered', 'delivered', 'read']) await tell(1, status);
  for (const status of ['sent', 'read', 'delivered']) await tell(2, status);
  await tell(3, 'delivered', false);
  await graph.settled();
  const text = await metrics();
  expect(text).toContain('waba_messages_billed_total{category="utility",type="regular"} 2');
  expect(text).toMatch(/waba_cloud_webhook_lag_seconds_count 7/);
  expect(text).toMatch(/waba_cloud_graph_calls_total\{code="ok"\} [1-9]/);
  expect(text).not.toContain('1650555');
});
