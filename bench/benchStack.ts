import type { Session } from '../src/client/calls.ts';
import type { StackClient } from '../src/client/stackClient.ts';
import { codeHash, encodeCertificate } from '../src/onprem/emulatorCertificate.ts';
import type { ApiAddress } from '../test/support/apiCall.ts';
import { EmulatorProcesses, type ProcessesOptions } from '../test/support/emulatorProcesses.ts';
import { eventually } from '../test/support/eventually.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const never = new AbortController().signal;
const PATIENCE_MS = 60_000;
export const NUMBER = '16315551000';
export const CUSTOMER = '16505551234';
const PASSWORD = 'Passw0rd!-bench';

/** A registered stack of processes with a webhook, ready for messages. */
export interface BenchStack {
  readonly processes: EmulatorProcesses;
  readonly address: ApiAddress;
  readonly client: StackClient;
  readonly session: Session;
  readonly receiver: Receiver;
  close(): Promise<void>;
}

export async function startBenchStack(
  nodes: readonly string[],
  options: ProcessesOptions,
  settings: Record<string, unknown> = {},
): Promise<BenchStack> {
  const receiver = await startReceiver();
  const processes = await EmulatorProcesses.start(nodes, options);
  const close = async () => {
    receiver.close();
    await processes.close();
  };
  try {
    const [address, client] = [await processes.webappAddress(), await processes.client()];
    const session = await logIn(client);
    await configure({ processes, client, session }, nodes, receiver, settings);
    await register(client, session);
    await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from: CUSTOMER, text: 'Hi' });
    return { processes, address, client, session, receiver, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Logs in as admin, and sets the password if it is still the first one. */
const logIn = (client: StackClient): Promise<Session> =>
  eventually(
    () =>
      client.users
        .login('admin', PASSWORD, {}, never)
        .catch(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never)),
    PATIENCE_MS,
  );

async function configure(
  { processes, client, session }: Pick<BenchStack, 'processes' | 'client' | 'session'>,
  nodes: readonly string[],
  { caPem, url }: Receiver,
  settings: Record<string, unknown>,
): Promise<void> {
  const retried = (action: () => Promise<unknown>) =>
    eventually(() => action().then(() => true), PATIENCE_MS);
  await retried(() => client.certificates.setWebhookCa(session, caPem, never));
  const webhooks = { url, max_concurrent_requests: 24, message: { sent: true } };
  await client.settings.patchApplication(session, { webhooks, ...settings }, never);
  // A Coreapp reads the CA of the webhook only at its start.
  for (const name of nodes.filter((node) => node.startsWith('coreapp'))) await processes.restart(name);
  await retried(() => client.settings.application(session, never));
}

async function register(client: StackClient, session: Session): Promise<void> {
  const cert = encodeCertificate({ vname: 'Bench', number: NUMBER, codeHash: codeHash('123456') });
  const request = { cc: '1', phone_number: NUMBER.slice(1), method: 'sms', cert } as const;
  await client.account.requestCode(session, request, never);
  await client.account.verify(session, '123456', never);
  const isConnected = async () =>
    Object.values(await client.health.nodes(session, never)).some(
      ({ role = 'coreapp', gateway_status: status }) => role === 'coreapp' && status === 'connected',
    );
  await eventually(isConnected, PATIENCE_MS);
}
