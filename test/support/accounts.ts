import type { KubeClient } from '../../src/kube/client.ts';
import type { Credentials } from '../../src/kube/credentials.ts';
import { kinds, resourcePath } from '../../src/kube/kubeObject.ts';
import { never } from './cluster.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Gives a service account of the namespace exactly these rights there. */
export async function grant(
  admin: KubeClient,
  namespace: string,
  name: string,
  rules: readonly object[],
): Promise<void> {
  const options = { fieldManager: 'test', force: true };
  await admin.apply(
    { apiVersion: `${GROUP}/v1`, kind: 'Role', metadata: { name, namespace }, rules },
    options,
    never,
  );
  await admin.apply(
    {
      apiVersion: `${GROUP}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: GROUP, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    options,
    never,
  );
}

/** A new service account with these rights in its namespace, at the server that `upstream` reaches. */
export async function account(
  admin: KubeClient,
  upstream: Credentials,
  namespace: string,
  name: string,
  rules: readonly object[],
): Promise<Credentials> {
  await admin.create(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { fieldManager: 'test' },
    never,
  );
  await grant(admin, namespace, name, rules);
  const { status } = (await admin.transport.request(
    {
      method: 'POST',
      path: `${resourcePath(kinds.ServiceAccount, namespace, name)}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    },
    never,
  )) as { status: { token: string } };
  const { tls } = await upstream.identity();
  return {
    server: upstream.server,
    namespace,
    identity: async () => ({
      revision: name,
      tls: tls.ca ? { ca: tls.ca } : {},
      authorization: `Bearer ${status.token}`,
    }),
  };
}
