import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { kinds } from '../../engine/kube/kubeObject.ts';
import { NETWORK, sharesNetwork } from '../../operator/plan/facts/names.ts';
import { decodeSecret, type SecretObject } from '../../operator/plan/facts/secrets.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import type { ClusterAccess, ClusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { reachService } from './reachService.ts';

/** Calls the control API and returns what it answers. */
export type Simulate = (method: string, path: string, body?: object) => Promise<unknown>;

/** Opens the control API of the simulated network of a stack. @throws CodedError `NotSimulated` if it has none */
export async function withSimulation(
  access: ClusterAccess,
  { metadata, spec }: WhatsAppDeployment,
  options: ClusterOptions,
  context: CliContext,
  use: (call: Simulate) => Promise<unknown>,
): Promise<void> {
  demandSimulation({ metadata, spec });
  await withControlPort(access, options, context, use);
}

/** @throws CodedError `NotSimulated` */
export function demandSimulation({ metadata, spec }: Pick<WhatsAppDeployment, 'metadata' | 'spec'>): void {
  if (!sharesNetwork(spec))
    throw new CodedError(
      'NotSimulated',
      `this needs a stack with a simulated network in its namespace; WhatsAppDeployment ${metadata.name} uses another network, so its customers are real ones: read what happens at its webhook`,
    );
}

/** Opens the control API of the network process of a namespace. */
export async function withControlPort<T>(
  access: ClusterAccess,
  options: ClusterOptions,
  context: Pick<CliContext, 'signal'>,
  use: (call: Simulate) => Promise<T>,
): Promise<T> {
  const reached = await reachService(
    access,
    options,
    { name: NETWORK.name, port: NETWORK.controlPort },
    context,
  );
  try {
    const token = await controlToken(access, context);
    return await use(async (method, path, body) => {
      const answer = await fetch(`http://${reached.host}:${reached.port}${path}`, {
        method,
        signal: context.signal,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      if (answer.status === 401) throw notLetIn(access.namespace);
      const content: unknown = await answer.json().catch(() => undefined);
      if (!answer.ok) throw new CodedError('Refused', `${method} ${path}: ${JSON.stringify(content)}`);
      return content;
    });
  } finally {
    reached.close();
  }
}

/** What the control port asks for. A network process that an earlier operator started asks for nothing. */
export async function controlToken(
  access: ClusterAccess,
  context: Pick<CliContext, 'signal'>,
): Promise<string | undefined> {
  const secret = access.client.get<SecretObject>(
    kinds.Secret,
    access.namespace,
    NETWORK.controlSecret,
    context.signal,
  );
  const found = await secret.catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    return undefined;
  });
  return found && decodeSecret(found).token;
}

const notLetIn = (namespace: string): CodedError =>
  new CodedError(
    'Refused',
    `the control port does not take the token of Secret ${namespace}/${NETWORK.controlSecret}, because its process started before the Secret changed; run: kubectl -n ${namespace} rollout restart deployment/${NETWORK.name}`,
  );
