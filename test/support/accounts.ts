import type { KubeClient } from '../../src/engine/kube/client.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { kinds, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import { never } from './cluster.ts';
import { eventually } from './eventually.ts';

const GROUP = 'rbac.authorization.k8s.io';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Grants a service account exactly these permissions in its namespace, and waits until the server applies them. */
export async function grant(
  admin: KubeClient,
  namespace: string,
  name: string,
  rules: readonly Rule[],
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
  const asked = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ namespace, group, resource, verb }))),
    ),
  );
  for (const resourceAttributes of asked) await eventually(() => allowed(admin, name, resourceAttributes));
}

async function allowed(
  admin: KubeClient,
  name: string,
  resourceAttributes: { readonly namespace: string },
): Promise<boolean> {
  const { namespace } = resourceAttributes;
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: `system:serviceaccount:${namespace}:${name}`, resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const { status } = (await admin.transport.request({ method: 'POST', path, body: review }, never)) as {
    status: { allowed: boolean };
  };
  return status.allowed;
}

/** A new service account with these permissions in its namespace, on the server that `upstream` reaches. */
export async function account(
  admin: KubeClient,
  upstream: Credentials,
  namespace: string,
  name: string,
  rules: readonly Rule[],
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
