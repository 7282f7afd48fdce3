import { isForbidden, isNotFound } from '../../../engine/kube/apiError.ts';
import { kinds, splitKey } from '../../../engine/kube/kubeObject.ts';
import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import type { PodObject } from '../../../operator/state/podObject.ts';
import { DEFAULT_OPERATOR, OPERATOR_SELECTOR } from '../../namespaceCommand.ts';
import type { Facts, Known } from './check.ts';
import type { DeploymentObject, OperatorValues } from './facts.ts';
import { asking, fact, type Gatherer } from './gather.ts';

/**
 * The operators of the cluster; of `waba-operator-system` alone if the user may not list all.
 * @param wanted the only one that counts, as `namespace/name`
 */
export const gatherOperators = (
  gatherer: Gatherer,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Known<readonly DeploymentObject[]>> =>
  fact(
    gatherer,
    'list deployments in all namespaces, or in that of the operator',
    (until) => listOperators(gatherer, wanted, until),
    signal,
  );

/** Facts of one operator; nothing is known of one that is not known. */
export async function gatherOperator(
  gatherer: Gatherer,
  { ownVersion, operator }: { readonly ownVersion: string; readonly operator: Known<DeploymentObject> },
  signal: AbortSignal,
): Promise<Facts<OperatorValues>> {
  const own = { ownVersion: { value: ownVersion }, operator };
  if ('unknown' in operator) return { ...own, operatorPods: operator, lease: operator };
  const { client } = gatherer;
  const { name, namespace } = operator.value.metadata;
  const { ask, list } = asking(gatherer, signal);
  const [operatorPods, lease] = await Promise.all([
    list<PodObject>(kinds.Pod, {
      ...(namespace ? { namespace } : {}),
      labelSelector: podSelector(operator.value),
    }),
    ask(`get leases in namespace ${namespace}`, (until) =>
      client.get<LeaseObject>(kinds.Lease, namespace, name, until).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      }),
    ),
  ]);
  return { ...own, operatorPods, lease };
}

/** Two operators may run in one namespace. */
const podSelector = ({ spec }: DeploymentObject): string => {
  const own = Object.entries(spec.selector?.matchLabels ?? {}).map(([label, value]) => `${label}=${value}`);
  return own.length > 0 ? own.join(',') : OPERATOR_SELECTOR;
};

async function listOperators(
  { client }: Gatherer,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<readonly DeploymentObject[]> {
  const list = async (where: { readonly namespace?: string }) =>
    (
      await client.list<DeploymentObject>(
        kinds.Deployment,
        { ...where, labelSelector: OPERATOR_SELECTOR },
        signal,
      )
    ).items;
  const chosen = wanted === undefined ? undefined : splitKey(wanted);
  const found = await list(chosen ? { namespace: chosen.namespace } : {}).catch((error: unknown) => {
    if (!isForbidden(error) || chosen) throw error;
    return list({ namespace: DEFAULT_OPERATOR.namespace });
  });
  return chosen ? found.filter(({ metadata }) => metadata.name === chosen.name) : found;
}
