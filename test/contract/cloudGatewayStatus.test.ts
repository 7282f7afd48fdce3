import { afterEach, expect, it } from 'vitest';
import { GATEWAY_PATHS } from '../../src/cloud/gatewayStatus.ts';
import { startBareGateway } from '../support/bareGateway.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble, type GraphDoubleOptions } from '../support/graphDouble.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  options: GraphDoubleOptions = {},
  variables: Record<string, string> = {},
  prepare: (graph: GraphDouble) => void = () => {},
) {
  const graph = await GraphDouble.start(options);
  closers.push(() => graph.close());
  prepare(graph);
  const gateway = await startBareGateway(graph, variables);
  closers.push(gateway.close);
  return { graph, ...gateway };
}

it('tells of Graph, the number, the token, the subscription and what waits', async () => {
  const { graph, status } = await start();
  await eventually(async () => (await status()).subscription.state === 'Subscribed');
  expect(await status()).toMatchObject({
    graph: { version: 'v26.0', isAnswering: true },
    number: {
      status: 'CONNECTED',
      number: graph.number,
      verifiedName: 'Shop',
      nameStatus: 'APPROVED',
      quality: 'GREEN',
      throughput: 80,
    },
    token: { state: 'Valid' },
    subscription: { url: graph.subscription?.url },
    sending: { holds: [], waiting: 0, unknownOutcome: 0 },
  });
});

it('tells that Graph refuses the token, and that another one is good, without a restart', async () => {
  const { graph, status, setToken } = await start({}, {}, (double) => {
    double.token = 'another';
  });
  await eventually(async () => (await status()).token.state === 'Valid');
  graph.token = 'the next';
  await setToken('wrong');
  await eventually(async () => (await status()).token.state === 'Refused');
  await setToken('the next');
  await eventually(async () => (await status()).token.state === 'Valid');
});

it('removes the subscription for good when it is asked to, and says so', async () => {
  const { graph, status, call } = await start();
  await eventually(() => graph.subscription !== undefined);
  const answer = await call(GATEWAY_PATHS.unsubscribe, 'POST');
  expect([answer.status, (await status()).subscription.state]).toEqual([200, 'Removed']);
  expect(graph.subscription).toBeUndefined();
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
});

it('says that Graph did not remove the subscription, and tries again when it is asked again', async () => {
  const { graph, status, call } = await start();
  await eventually(() => graph.subscription !== undefined);
  const { token } = graph;
  graph.token = 'another';
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(502);
  expect((await status()).subscription).toMatchObject({
    state: 'Failed',
    detail: expect.stringContaining('190'),
  });
  graph.token = token;
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
  expect(graph.subscription).toBeUndefined();
});

it('counts a billed message once, whichever of delivered and read comes first', async () => {
  const { graph, metrics, gateway } = await start();
  graph.subscription = { url: `http://127.0.0.1:${gateway.webhookPort}/webhook`, verifyToken: '' };
  const id = (key: number) =>
    Buffer.from([0x80, 0x11, 6, 0x16, 0x50, 0x55, 0x51, 0x23, 0x4f, 2, 9, ...Array(9).fill(key)]).toString(
      'base64url',
    );
  const tell = (key: number, status: string, billable = true) =>
    graph.post({
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
  const text = await metrics();
  expect(text).toContain('waba_messages_billed_total{category="utility",type="regular"} 2');
  expect(text).toMatch(/waba_cloud_webhook_lag_seconds_count 7/);
  expect(text).toMatch(/waba_cloud_graph_calls_total\{code="ok"\} [1-9]/);
  expect(text).not.toContain('1650555');
});
