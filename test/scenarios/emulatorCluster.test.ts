import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import { EmulatorProcesses } from '../support/emulatorProcesses.ts';
import { CODE, certificateFor, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;
const API_KEY = { apiKey: 'test-api-key-0001' };
const PASSWORD = 'Passw0rd!-test';
const NUMBER = '16315559000';
const PEOPLE = Array.from({ length: 12 }, (_, index) => `1650559${String(index).padStart(4, '0')}`);

let processes: EmulatorProcesses;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let client: StackClient;
let session: Session;
const accepted: string[] = [];
let sending = true;
let sender: Promise<void>;

const retriable = (error: { retriable?: boolean }) => {
  if (error.retriable) return undefined;
  throw error;
};
const health = async () => Object.entries(await client.health.nodes(API_KEY, never));
/** Name of the node in this state. */
const nodeIn = async (state: { role: string; gateway_status?: string }) => {
  const found = (await health()).find(
    ([, node]) =>
      node.role === state.role && (state.gateway_status ?? node.gateway_status) === node.gateway_status,
  );
  return found?.[0].split(':')[1];
};
const owner = () => eventually(() => nodeIn({ role: 'coreapp', gateway_status: 'connected' }), 60_000);
const primary = () => eventually(() => nodeIn({ role: 'primary_master' }), 60_000);
/** Waits until messages are sent again. */
const flows = async () => {
  const before = accepted.length;
  await eventually(() => accepted.length > before + 5, 90_000);
};

beforeAll(async () => {
  receiver = await startReceiver();
  processes = await EmulatorProcesses.start(['master-0', 'master-1', 'coreapp-0', 'coreapp-1', 'coreapp-2'], {
    cuttable: true,
    secret: 'a secret of all nodes',
  });
  client = await processes.client();
  session = await eventually(
    () =>
      client.users
        .login('admin', 'secret', { newPassword: PASSWORD }, never)
        .catch(() => client.users.login('admin', PASSWORD, {}, never)),
    60_000,
  );
  const request = {
    cc: '1',
    phone_number: NUMBER.slice(1),
    method: 'sms',
    cert: certificateFor(NUMBER),
  } as const;
  await eventually(() => client.account.requestCode(session, request, never).catch(retriable), 60_000);
  await client.account.verify(session, CODE, never);
  await client.certificates.setWebhookCa(session, receiver.caPem, never);
  const webhooks = { url: receiver.url, message: { sent: true } };
  await client.settings.patchApplication(
    session,
    { heartbeat_interval: 1, unhealthy_interval: 3, callback_backoff_delay_ms: 200, webhooks },
    never,
  );
  for (const name of ['coreapp-0', 'coreapp-1', 'coreapp-2']) await processes.kill(name);
  await owner();
  for (const from of PEOPLE)
    expect(
      (await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from, text: 'Hi' })).status,
    ).toBe(201);
  sender = (async () => {
    for (let index = 0; sending; index++) {
      const to = PEOPLE[index % PEOPLE.length] ?? '';
      // As documented: retried by the error code, and if there is no answer.
      const id = await eventually(
        () => client.messages.sendText(session, to, `message ${index}`, never).catch(retriable),
        120_000,
      );
      accepted.push(id);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
});
afterAll(async () => {
  sending = false;
  await sender?.catch(() => {});
  await processes?.close();
  await receiver?.close();
});

describe('a cluster of processes, while a client keeps sending', () => {
  it('keeps working when the primary Master is killed', async () => {
    const before = await primary();
    await processes.kill(before);
    await eventually(async () => (await nodeIn({ role: 'primary_master' })) !== before, 60_000);
    await flows();
  });

  it('keeps working when the connected Coreapp is killed, and another one takes over', async () => {
    const before = await owner();
    processes.signal(before, 'SIGKILL');
    await eventually(async () => {
      const now = await nodeIn({ role: 'coreapp', gateway_status: 'connected' });
      return now !== undefined && now !== before;
    }, 60_000);
    processes.startNode(before);
    await flows();
  });

  it('keeps working when both are killed at once', async () => {
    const [master, coreapp] = [await primary(), await owner()];
    await Promise.all([processes.kill(master), processes.kill(coreapp)]);
    await flows();
  });

  it('keeps working when the connected Coreapp freezes, and ignores it when it wakes up', async () => {
    const frozen = await owner();
    processes.signal(frozen, 'SIGSTOP');
    await eventually(async () => {
      const now = await nodeIn({ role: 'coreapp', gateway_status: 'connected' });
      return now !== undefined && now !== frozen;
    }, 60_000);
    await flows();
    processes.signal(frozen, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const connected = (await health()).filter(
      ([, node]) => node.role === 'coreapp' && node.gateway_status === 'connected',
    );
    expect(connected).toHaveLength(1);
    expect(connected[0]?.[0]).not.toContain(frozen);
    await flows();
  });

  it('keeps working when no node reaches the connected Coreapp, which does not notice', async () => {
    const lost = await owner();
    processes.cut(lost);
    await eventually(async () => {
      const now = await nodeIn({ role: 'coreapp', gateway_status: 'connected' });
      return now !== undefined && now !== lost;
    }, 60_000);
    await flows();
    processes.mend(lost);
    await flows();
    expect(await nodeIn({ role: 'coreapp', gateway_status: 'connected' })).not.toBe(lost);
  });

  it('keeps working when no node reaches the primary Master', async () => {
    const lost = await primary();
    processes.cut(lost);
    await flows();
    processes.mend(lost);
    await eventually(() => nodeIn({ role: 'primary_master' }), 60_000);
    await flows();
  });

  it('keeps working when the database restarts', async () => {
    await processes.restartDatabase();
    await flows();
  });

  it('has lost no accepted message: every message was read, and every status delivered at least once', async () => {
    sending = false;
    await sender;
    expect(accepted.length).toBeGreaterThan(50);
    expect(new Set(accepted).size).toBe(accepted.length);
    const untold = () => accepted.filter((id) => !receiver.statuses(id).includes('read'));
    await eventually(() => untold().length === 0, 60_000).catch(() => {});
    expect(untold()).toEqual([]);
  });
});
