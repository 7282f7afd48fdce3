import { CodedError } from '../../../base/codedError.ts';
import { isNotFound } from '../../../engine/kube/apiError.ts';
import { kinds, type ResourceKind } from '../../../engine/kube/kubeObject.ts';
import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import { NAMESPACE_LEASE } from '../../../operator/plan/facts/names.ts';
import type { Facts, Known } from './check.ts';
import type { DeploymentObject, NamespaceValues, QuotaObject, Responsibility, Right } from './facts.ts';
import { asking, type Gatherer } from './gather.ts';
import { OPERATOR_RIGHTS } from './operatorRights.ts';
import { responsibleOperator } from './responsibleOperator.ts';

const ResourceQuota: ResourceKind = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};

/** Facts of the namespace of the gatherer. */
export async function gatherNamespace(
  gatherer: Gatherer,
  given: {
    readonly operators: Known<readonly DeploymentObject[]>;
    /** The user chose the operators. */
    readonly isChosen: boolean;
    /** By the clock of the API server. */
    readonly nowMs: number;
  },
  signal: AbortSignal,
): Promise<Facts<NamespaceValues>> {
  const { client, namespace } = gatherer;
  const { operators, isChosen, nowMs } = given;
  const { ask, list } = asking(gatherer, signal);
  const readClaim = ask(`get leases in namespace ${namespace}`, (until) =>
    client.get<LeaseObject>(kinds.Lease, namespace, NAMESPACE_LEASE, until).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    }),
  );
  const findResponsible = readClaim.then((claim): Known<Responsibility> => {
    if ('unknown' in operators) return operators;
    const known = { operators: operators.value, namespace, isChosen, nowMs };
    // Without the Lease, the one operator of the cluster is known all the same.
    if ('unknown' in claim)
      return operators.value.length > 1
        ? claim
        : { value: responsibleOperator({ ...known, claim: undefined }) };
    return { value: responsibleOperator({ ...known, claim: claim.value }) };
  });
  const [responsible, rights, quotas] = await Promise.all([
    findResponsible,
    ask(`create localsubjectaccessreviews in namespace ${namespace}`, async (until) => {
      const found = await findResponsible;
      if ('unknown' in found) throw new CodedError('Unknown', found.unknown);
      const { operator } = found.value;
      if (!operator)
        throw new CodedError('NotFound', `no operator is known that watches namespace ${namespace}`);
      return readRights(gatherer, operator, until);
    }),
    list<QuotaObject>(ResourceQuota, { namespace }),
  ]);
  return { responsible, rights, quotas };
}

async function readRights(
  { client, namespace }: Gatherer,
  operator: DeploymentObject,
  signal: AbortSignal,
): Promise<readonly Right[]> {
  const account = operator.spec.template.spec.serviceAccountName ?? 'default';
  const user = `system:serviceaccount:${operator.metadata.namespace}:${account}`;
  const group = 'authorization.k8s.io';
  const questions = OPERATOR_RIGHTS.flatMap(([apiGroup, path, verbs]) =>
    verbs.map((verb) => ({ apiGroup, path, verb })),
  );
  return Promise.all(
    questions.map(async ({ apiGroup, path, verb }) => {
      const [resource, subresource] = path.split('/');
      const { status } = (await client.transport.request(
        {
          method: 'POST',
          path: `/apis/${group}/v1/namespaces/${namespace}/localsubjectaccessreviews`,
          body: {
            apiVersion: `${group}/v1`,
            kind: 'LocalSubjectAccessReview',
            metadata: { namespace },
            spec: { user, resourceAttributes: { namespace, group: apiGroup, resource, subresource, verb } },
          },
        },
        signal,
      )) as { readonly status: { readonly allowed: boolean } };
      return { verb, resource: apiGroup === '' ? path : `${path}.${apiGroup}`, allowed: status.allowed };
    }),
  );
}
