import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport, type StackRequest } from '../../src/client/stackTransport.ts';
import { cloudSettings } from '../../src/stack/cloud/cloudSettings.ts';
import { startLaptop } from '../../src/stack/laptop.ts';
import { startPlainReceiver } from './plainReceiver.ts';
import type { AnyGraph } from './simulatedGraph.ts';

const never = new AbortController().signal;
const VERIFY_TOKEN = 'verify-token';

/** A whole stack in this process with a Cloud API behind it, and a receiver of its callbacks. */
export async function startCloudStack(graph: AnyGraph, variables: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'waba-cloud-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${graph.token}\n`);
  const receiver = await startPlainReceiver();
  const webhookPort = await freePort();
  const laptop = await startLaptop(
    {
      port: await freePort(),
      phoneNumber: `+${graph.number}`,
      rateLimits: false,
      webhook: { url: receiver.url },
      cloud: {
        settings: cloudSettings({
          WABA_CLOUD_PHONE_NUMBER_ID: graph.phoneNumberId,
          WABA_CLOUD_BUSINESS_ACCOUNT_ID: graph.businessAccountId,
          WABA_CLOUD_ACCESS_TOKEN_FILE: tokenFile,
          WABA_CLOUD_APP_SECRET: graph.appSecret,
          WABA_CLOUD_VERIFY_TOKEN: VERIFY_TOKEN,
          WABA_CLOUD_GRAPH_URL: graph.url,
          WABA_CLOUD_WEBHOOK_URL: `http://127.0.0.1:${webhookPort}/webhook`,
          ...variables,
        }),
        webhookPort,
      },
      clock: systemClock,
      logger: silentLogger,
    },
    never,
  );
  const transport = new HttpsStackTransport({
    host: 'localhost',
    port: Number(new URL(laptop.url).port),
    serverName: 'localhost',
    ca: await readFile(laptop.caFile, 'utf8'),
  });
  const client = new StackClient(transport);
  const session = await client.users.login(laptop.username, laptop.password, {}, never);
  return {
    client,
    session,
    /** The answer as it is. */
    call: (method: StackRequest['method'], path: string, json?: object) =>
      transport.request(
        {
          method,
          path,
          authorization: `Bearer ${session.token}`,
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        },
        never,
      ),
    webhookPort,
    callbacks: receiver.callbacks,
    statuses: receiver.statuses,
    messages: receiver.messages,
    setToken: (token: string) => writeFile(tokenFile, token),
    close: async () => {
      client.close();
      await laptop.close();
      await receiver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
