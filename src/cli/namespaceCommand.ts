import { Command } from 'commander';
import { CodedError } from '../base/codedError.ts';
import { isForbidden, isNotFound } from '../engine/kube/apiError.ts';
import type { KubeClient } from '../engine/kube/client.ts';
import { type KubeObject, kinds, splitKey } from '../engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../operator/state/stackSources.ts';
import { type ClusterOptions, clusterOptions } from './clusterAccess.ts';
import type { CliContext } from './context.ts';

/** An installed operator: its Deployment and its ServiceAccount. */
export interface Operator {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
}

export const DEFAULT_OPERATOR: Operator = {
  namespace: 'waba-operator-system',
  name: 'waba-operator',
  serviceAccount: 'waba-operator',
};
export const OPERATOR_SELECTOR = 'app.kubernetes.io/name=waba-operator,app.kubernetes.io/component=operator';

type OperatorDeployment = KubeObject & {
  readonly spec: { readonly template: { readonly spec: { readonly serviceAccountName?: string } } };
};
type RoleBinding = KubeObject & { readonly roleRef: { readonly name: string } };

export function namespaceCommand(context: CliContext): Command {
  const namespace = new Command('namespace').description(
    'list and change the namespaces in which the operator may run stacks',
  );
  const withOperator = (command: Command) =>
    clusterOptions(command).option('--operator <namespace/name>', 'the operator, if the cluster has several');

  withOperator(namespace.command('enable'))
    .description('allow the operator to run stacks in a namespace')
    .argument('<namespace>', 'the namespace')
    .action(async (name: string, options: ClusterOptions & { operator?: string }) => {
      const { client } = await context.openCluster(options);
      await client.get(kinds.Namespace, undefined, name, context.signal).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        throw new CodedError(
          'NotFound',
          `no namespace ${name}; create it with \`kubectl create namespace ${name}\``,
        );
      });
      const operator = await findOperator(client, options.operator, context.signal);
      await enableNamespace(client, operator, name, context.signal);
      context.stdout.write(
        `operator ${operator.namespace}/${operator.name} may run stacks in namespace ${name}\n`,
      );
    });
  withOperator(namespace.command('disable'))
    .description('revoke this permission')
    .argument('<namespace>', 'the namespace')
    .action(async (name: string, options: ClusterOptions & { operator?: string }) => {
      const { client } = await context.openCluster(options);
      const operator = await findOperator(client, options.operator, context.signal);
      await client
        .delete(kinds.RoleBinding, name, operator.name, {}, context.signal)
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
          throw new CodedError(
            'NotFound',
            `namespace ${name} is not enabled for operator ${operator.namespace}/${operator.name}; \`kubectl waba namespace list\` lists those that are`,
          );
        });
      const { items } = await client.list(WhatsAppDeploymentKind, { namespace: name }, context.signal);
      const left =
        items.length > 0
          ? `; it no longer manages ${items.map(({ metadata }) => metadata.name).join(', ')} there, whose pods keep running`
          : '';
      context.stdout.write(
        `operator ${operator.namespace}/${operator.name} may no longer run stacks in namespace ${name}${left}\n`,
      );
    });
  withOperator(namespace.command('list'))
    .description('list the enabled namespaces')
    .action(async (options: ClusterOptions & { operator?: string }) => {
      const { client } = await context.openCluster(options);
      const operator = await findOperator(client, options.operator, context.signal);
      const { items } = await client.list<RoleBinding>(kinds.RoleBinding, {}, context.signal);
      for (const { metadata, roleRef } of items)
        if (roleRef.name === `${operator.name}-namespace`) context.stdout.write(`${metadata.namespace}\n`);
    });
  return namespace;
}

/** Grants the operator the Secrets of one namespace. */
export async function enableNamespace(
  client: KubeClient,
  operator: Operator,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  await client.apply(
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: operator.name, namespace },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: `${operator.name}-namespace` },
      subjects: [{ kind: 'ServiceAccount', name: operator.serviceAccount, namespace: operator.namespace }],
    },
    { fieldManager: 'kubectl-waba', force: true },
    signal,
  );
}

/**
 * The operator of this cluster. `wanted`, as `namespace/name`, selects one of several.
 * @throws CodedError `Usage` if there are several and none is selected
 */
export async function findOperator(
  client: KubeClient,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Operator> {
  const found = await client
    .list<OperatorDeployment>(kinds.Deployment, { labelSelector: OPERATOR_SELECTOR }, signal)
    .then(({ items }) => items.map(operatorOf))
    .catch((error: unknown) => {
      if (isForbidden(error)) return [];
      throw error;
    });
  if (wanted !== undefined) {
    const { namespace, name } = splitKey(wanted);
    if (namespace === '') throw new CodedError('Usage', `--operator must be namespace/name, not ${wanted}`);
    const known = found.find((operator) => operator.namespace === namespace && operator.name === name);
    return known ?? { namespace, name, serviceAccount: name };
  }
  if (found.length > 1) {
    const names = found.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
    throw new CodedError('Usage', `the cluster has several operators; select one with --operator: ${names}`);
  }
  return found[0] ?? DEFAULT_OPERATOR;
}

/** The installed operators with their versions. */
export async function operatorVersions(
  client: KubeClient,
  signal: AbortSignal,
): Promise<(Pick<Operator, 'namespace' | 'name'> & { readonly version: string })[]> {
  const { items } = await client.list(kinds.Deployment, { labelSelector: OPERATOR_SELECTOR }, signal);
  return items.map(({ metadata }) => ({
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    version: metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown',
  }));
}

const operatorOf = ({ metadata, spec }: OperatorDeployment): Operator => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  serviceAccount: spec.template.spec.serviceAccountName ?? 'default',
});
