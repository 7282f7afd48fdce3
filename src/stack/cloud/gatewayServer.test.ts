import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../base/silentLogger.ts';
import { GATEWAY_PATHS, type GatewayStatus } from '../../cloud/gatewayStatus.ts';
import { startGatewayServer } from './gatewayServer.ts';

const STATUS: GatewayStatus = {
  graph: { version: 'v26.0', isAnswering: true },
  token: { state: 'Valid' },
  subscription: { state: 'Subscribed' },
  sending: { holds: [], waiting: 0, unknownOutcome: 0 },
};

let token: string | undefined;
let isRemoved: boolean;
let server: Awaited<ReturnType<typeof startGatewayServer>>;
beforeEach(async () => {
  token = 'secret';
  isRemoved = true;
  server = await startGatewayServer({
    host: '127.0.0.1',
    port: 0,
    token: () => token,
    status: () => STATUS,
    metrics: async () => 'a_metric 1\n',
    unsubscribe: async () => isRemoved,
    logger: silentLogger,
  });
});
afterEach(() => server.close());

const call = (path: string, method = 'GET', authorization: string | undefined = 'Bearer secret') =>
  fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    headers: authorization === undefined ? {} : { authorization },
  });

it('tells status and metrics to whoever knows the token', async () => {
  expect(await (await call(GATEWAY_PATHS.status)).json()).toEqual(STATUS);
  expect(await (await call(GATEWAY_PATHS.metrics)).text()).toBe('a_metric 1\n');
});

it('tells the others only that it lives', async () => {
  for (const path of [GATEWAY_PATHS.status, GATEWAY_PATHS.metrics])
    expect((await call(path, 'GET', 'Bearer other')).status).toBe(401);
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST', 'Bearer other')).status).toBe(401);
  expect((await call(GATEWAY_PATHS.health, 'GET', 'Bearer other')).status).toBe(200);
});

it('has only the check of health without a token of its own', async () => {
  token = undefined;
  expect((await call(GATEWAY_PATHS.status)).status).toBe(404);
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(404);
  expect((await call(GATEWAY_PATHS.health)).status).toBe(200);
});

it('says whether the subscription was removed, and does not remove it for a GET', async () => {
  expect((await call(GATEWAY_PATHS.unsubscribe)).status).toBe(405);
  expect((await call(GATEWAY_PATHS.unsubscribe, 'POST')).status).toBe(200);
  isRemoved = false;
  const refused = await call(GATEWAY_PATHS.unsubscribe, 'POST');
  expect(refused.status).toBe(502);
  expect(await refused.json()).toEqual(STATUS);
});
