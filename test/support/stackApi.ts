import { systemClock } from '../../src/base/clock.ts';
import type { Session } from '../../src/client/calls.ts';
import { RetryingTransport } from '../../src/client/retryingTransport.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import type { OperatorCluster } from './operatorCluster.ts';

const never = new AbortController().signal;

/**
 * A client of a stack's API, at the current address of the Webapps, logged in as admin.
 * @param passwords those that admin may have besides the one in its Secret
 */
export async function stackApi(
  { client: kube }: OperatorCluster,
  name: string,
  passwords: readonly string[] = [],
): Promise<{ client: StackClient; session: Session }> {
  const secret = (which: string) =>
    kube.get<SecretObject>(kinds.Secret, 'default', `${name}-${which}`, never);
  const { webappCa: ca } = readJournal(await secret('journal'));
  type ServiceObject = KubeObject & { spec: { clusterIP: string } };
  const { spec } = await kube.get<ServiceObject>(kinds.Service, 'default', `${name}-webapp`, never);
  const transport = new HttpsStackTransport({
    host: spec.clusterIP,
    port: 443,
    serverName: `${name}-webapp.default.svc`,
    ca,
  });
  const client = new StackClient(
    new RetryingTransport(transport, { clock: systemClock, random: Math.random }),
  );
  const { password = '' } = decodeSecret(await secret('admin'));
  for (const candidate of [password, ...passwords]) {
    const session = await client.users.login('admin', candidate, {}, never).catch(() => undefined);
    if (session) return { client, session };
  }
  throw new Error('no Webapp accepted the login');
}
