import { createServer, type Server } from 'node:https';
import { createAuthority, issueCertificate, type KeyPair } from '../src/base/pki/certificates.ts';
import { listen } from '../src/base/ports.ts';
import type { Session } from '../src/client/calls.ts';
import type { StackClient } from '../src/client/stackClient.ts';
import { codeHash, encodeCertificate } from '../src/onprem/emulatorCertificate.ts';
import type { ApiAddress } from '../test/support/apiCall.ts';
import { EmulatorProcesses, type ProcessesOptions } from '../test/support/emulatorProcesses.ts';
import { eventually } from '../test/support/eventually.ts';

const never = new AbortController().signal;
const PATIENCE_MS = 60_000;
export const NUMBER = '16315551000';
export const CUSTOMER = '16505551234';
const PASSWORD = 'Passw0rd!-bench';

/** A registered stack of processes with a webhook, ready to take messages. */
export interface BenchStack {
  readonly processes: EmulatorProcesses;
  readonly address: ApiAddress;
  readonly client: StackClient;
  readonly session: Session;
  /** The receiver's certificate and who signed it. */
  readonly pair: KeyPair;
  readonly caPem: string;
  /** Callbacks that have arrived so far. */
  callbacks(): number;
  close(): Promise<void>;
}

export async function startBenchStack(
  nodes: readonly string[],
  options: ProcessesOptions,
  settings: Record<string, unknown> = {},
): Promise<BenchStack> {
  const authority = await createAuthority({ subject: 'CN=bench CA' });
  const pair = await issueCertificate(authority, {
    commonName: 'bench',
    hosts: ['127.0.0.1'],
    usage: 'server',
  });
  let callbacks = 0;
  const receiver: Server = createServer(
    { cert: pair.certificatePem, key: pair.privateKeyPem },
    (request, response) => {
      request.resume();
      callbacks += 1;
      response.end();
    },
  );
  const port = await listen(receiver, { host: '127.0.0.1', port: 0 });
  const url = `https://127.0.0.1:${port}/`;
  const processes = await EmulatorProcesses.start(nodes, options);
  const close = async () => {
    receiver.closeAllConnections();
    receiver.close();
    await processes.close();
  };
  try {
    const [address, client] = [await processes.webappAddress(), await processes.client()];
    const session = await eventually(
      () =>
        client.users
          .login('admin', PASSWORD, {}, never)
          .catch(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never))
          .catch(() => undefined),
      PATIENCE_MS,
    );
    const retried = (action: () => Promise<unknown>) =>
      eventually(
        () =>
          action().then(
            () => true,
            () => false,
          ),
        PATIENCE_MS,
      );
    await retried(() => client.certificates.setWebhookCa(session, authority.certificatePem, never));
    const webhooks = { url, max_concurrent_requests: 24, message: { sent: true } };
    await client.settings.patchApplication(session, { webhooks, ...settings }, never);
    // The CA takes effect when the Coreapps start again.
    for (const name of nodes.filter((node) => node.startsWith('coreapp'))) await processes.restart(name);
    await retried(() => client.settings.application(session, never));
    const cert = encodeCertificate({ vname: 'Bench', number: NUMBER, codeHash: codeHash('123456') });
    await client.account.requestCode(
      session,
      { cc: '1', phone_number: NUMBER.slice(1), method: 'sms', cert },
      never,
    );
    await client.account.verify(session, '123456', never);
    await eventually(
      async () =>
        Object.values(await client.health.nodes(session, never)).some(
          ({ role = 'coreapp', gateway_status: status }) => role === 'coreapp' && status === 'connected',
        ),
      PATIENCE_MS,
    );
    await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from: CUSTOMER, text: 'Hi' });
    return {
      processes,
      address,
      client,
      session,
      pair,
      caPem: authority.certificatePem,
      callbacks: () => callbacks,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
