import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort, listen } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import type { Callback } from '../../src/onprem/webhook.ts';
import { cloudSettings } from '../../src/stack/cloud/cloudSettings.ts';
import { startLaptop } from '../../src/stack/laptop.ts';
import type { GraphDouble } from './graphDouble.ts';

const never = new AbortController().signal;
export const VERIFY_TOKEN = 'verify-token';

/** A whole stack in this process with a Cloud API behind it, and a receiver of its callbacks. */
export async function startCloudStack(graph: GraphDouble, variables: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'waba-cloud-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${graph.token}\n`);
  const callbacks: Callback[] = [];
  const receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      callbacks.push(JSON.parse(text) as Callback);
      response.end();
    });
  });
  const receiverPort = await listen(receiver, { host: '127.0.0.1', port: 0 });
  const webhookPort = await freePort();
  const laptop = await startLaptop(
    {
      port: await freePort(),
      phoneNumber: `+${graph.number}`,
      rateLimits: false,
      webhook: { url: `http://127.0.0.1:${receiverPort}/hook` },
      cloud: {
        settings: {
          ...cloudSettings({
            WABA_CLOUD_PHONE_NUMBER_ID: graph.phoneNumberId,
            WABA_CLOUD_BUSINESS_ACCOUNT_ID: graph.businessAccountId,
            WABA_CLOUD_ACCESS_TOKEN_FILE: tokenFile,
            WABA_CLOUD_APP_SECRET: graph.appSecret,
            WABA_CLOUD_VERIFY_TOKEN: VERIFY_TOKEN,
            WABA_CLOUD_GRAPH_URL: graph.url,
            ...variables,
          }),
          // Only a test has a webhook without TLS.
          webhookUrl: `http://127.0.0.1:${webhookPort}/webhook`,
        },
        webhookPort,
      },
      clock: systemClock,
      logger: silentLogger,
    },
    never,
  );
  const client = new StackClient(
    new HttpsStackTransport({
      host: 'localhost',
      port: Number(new URL(laptop.url).port),
      serverName: 'localhost',
      ca: await readFile(laptop.caFile, 'utf8'),
    }),
  );
  const session = await client.users.login(laptop.username, laptop.password, {}, never);
  return {
    client,
    session,
    webhookPort,
    callbacks,
    statuses: () => callbacks.flatMap(({ statuses = [] }) => statuses),
    messages: () => callbacks.flatMap(({ messages = [] }) => messages),
    setToken: (token: string) => writeFile(tokenFile, token),
    close: async () => {
      client.close();
      await laptop.close();
      receiver.closeAllConnections();
      receiver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
