import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Session } from '../../client/calls.ts';
import { RetryingTransport } from '../../client/retryingTransport.ts';
import { StackClient } from '../../client/stackClient.ts';
import { HttpsStackTransport } from '../../client/stackTransport.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { kinds } from '../../engine/kube/kubeObject.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { names } from '../../operator/plan/facts/names.ts';
import { decodeSecret, type SecretObject, withoutLineEnd } from '../../operator/plan/facts/secrets.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../operator/state/journalStore.ts';
import type { ClusterAccess, ClusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { getStack } from './getStack.ts';
import { reachService } from './reachService.ts';

/** The API of a stack, with a session of admin. */
export interface StackApi {
  readonly client: StackClient;
  readonly session: Session;
  readonly url: string;
  readonly ca: string;
  close(): void;
}

/** Logs in to the API of a stack and calls `use` with it. @throws CodedError `NotReady` until the API has answered the operator */
export async function withStackApi(
  name: string,
  options: ClusterOptions,
  context: CliContext,
  use: (api: StackApi, stack: WhatsAppDeployment, access: ClusterAccess) => Promise<void>,
): Promise<void> {
  const access = await context.openCluster(options);
  const stack = await getStack(access, name, context);
  const api = await openStackApi(access, stack, options, context);
  try {
    await use(api, stack, access);
  } finally {
    api.close();
  }
}

async function openStackApi(
  access: ClusterAccess,
  stack: WhatsAppDeployment,
  options: ClusterOptions,
  context: CliContext,
): Promise<StackApi> {
  const of = names(stack.metadata.name);
  const secret = (name: string) =>
    access.client
      .get<SecretObject>(kinds.Secret, access.namespace, name, context.signal)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        throw new CodedError(
          'NotReady',
          `Secret ${name} does not exist yet; \`kubectl waba status ${stack.metadata.name}\` shows what the operator waits for`,
        );
      });
  const { webappCa: ca, served } = readJournal(await secret(of.journal));
  if (!ca)
    throw new CodedError(
      'NotReady',
      `the API of ${stack.metadata.name} has not answered the operator yet; \`kubectl waba status ${stack.metadata.name}\` shows why`,
    );
  const declared = stack.spec.users?.find(({ name }) => name === DEFAULT_ADMIN.username)?.passwordSecretRef;
  const { name, key } = declared ?? { name: of.adminSecret, key: 'password' };
  const password = withoutLineEnd(decodeSecret(await secret(name))[key] ?? '');
  const port = stack.spec.service?.ports?.https ?? 443;
  const reached = await reachService(access, options, { name: of.webapp, port }, context);
  const transport = new HttpsStackTransport({
    host: reached.host,
    port: reached.port,
    serverName: webappHost(stack),
    certificateNames: [webappHost(stack), ...(served?.names ?? [])],
    ca,
  });
  const client = new StackClient(
    new RetryingTransport(transport, { clock: systemClock, random: Math.random }),
  );
  const close = () => {
    client.close();
    reached.close();
  };
  try {
    const session = await client.users.login(DEFAULT_ADMIN.username, password, {}, context.signal);
    return { client, session, url: `https://${reached.host}:${reached.port}`, ca, close };
  } catch (error) {
    close();
    throw error;
  }
}
