import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { freePort } from '../../src/base/ports.ts';
import { silentLogger } from '../../src/base/silentLogger.ts';
import { GATEWAY_PATHS, gatewayStatus } from '../../src/cloud/gatewayStatus.ts';
import { CloudNetwork } from '../../src/stack/cloud/cloudNetwork.ts';
import { cloudSettings } from '../../src/stack/cloud/cloudSettings.ts';
import type { AnyGraph } from './simulatedGraph.ts';

const never = new AbortController().signal;
const CONTROL_TOKEN = 'control-token';

/** A gateway in this process, without a stack before it. */
export async function startBareGateway(
  graph: AnyGraph,
  variables: Record<string, string> = {},
  port?: number,
) {
  const folder = await mkdtemp(join(tmpdir(), 'waba-gateway-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, graph.token);
  const webhookPort = port ?? (await freePort());
  const host = '127.0.0.1';
  const gateway = await CloudNetwork.start(
    {
      host,
      port: 0,
      webhook: { host, port: webhookPort },
      control: { host, port: 0 },
      dataFolder: folder,
      settings: cloudSettings({
        WABA_CLOUD_PHONE_NUMBER_ID: graph.phoneNumberId,
        WABA_CLOUD_BUSINESS_ACCOUNT_ID: graph.businessAccountId,
        WABA_CLOUD_ACCESS_TOKEN_FILE: tokenFile,
        WABA_CLOUD_APP_SECRET: graph.appSecret,
        WABA_CLOUD_VERIFY_TOKEN: 'verify-token',
        WABA_CLOUD_GRAPH_URL: graph.url,
        WABA_CLOUD_WEBHOOK_URL: `http://${host}:${webhookPort}/webhook`,
        WABA_CONTROL_TOKEN: CONTROL_TOKEN,
        ...variables,
      }),
      clock: systemClock,
      logger: silentLogger,
    },
    never,
  );
  const call = (path: string, method = 'GET') =>
    fetch(`http://${host}:${gateway.controlPort}${path}`, {
      method,
      headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
    });
  return {
    gateway,
    call,
    status: async () => gatewayStatus.parse(await (await call(GATEWAY_PATHS.status)).json()),
    metrics: async () => (await call(GATEWAY_PATHS.metrics)).text(),
    setToken: (token: string) => writeFile(tokenFile, token),
    close: async () => {
      await gateway.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
