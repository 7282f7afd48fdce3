import { CodedError } from '../../../base/codedError.ts';
import { isForbidden, isNotFound } from '../../../engine/kube/apiError.ts';
import { type KubeObject, kinds, type ResourceKind, splitKey } from '../../../engine/kube/kubeObject.ts';
import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import type { Json } from '../../../operator/resource/crd.ts';
import { API_VERSION, KIND } from '../../../operator/resource/whatsAppDeployment.ts';
import type { PodObject } from '../../../operator/state/podObject.ts';
import { DEFAULT_OPERATOR, OPERATOR_SELECTOR } from '../../namespaceCommand.ts';
import type { Facts } from './check.ts';
import type {
  ClockReading,
  DeploymentObject,
  InstallationValues,
  NodeObject,
  QuotaObject,
  Right,
} from './facts.ts';
import { fact, type Gatherer } from './gather.ts';
import { OPERATOR_RIGHTS } from './operatorRights.ts';
import { fieldPaths, ofResource } from './servedFields.ts';

const ResourceQuota: ResourceKind = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};
const DNS = { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' } as const;
const NODE_LEASES = 'kube-node-lease';
/** Kubernetes writes times in full seconds: on average it is half a second later. */
const HALF_SECOND_MS = 500;
/** How long a renewal of a Lease may be on its way from the node to the API server. */
const RENEWAL_MS = 1_000;

/**
 * Facts of the installation, and of the namespace. All are asked for at once.
 * @param wanted the operator, as `namespace/name`, if the cluster has several
 */
export async function gatherInstallation(
  gatherer: Gatherer,
  { ownVersion, wanted }: { readonly ownVersion: string; readonly wanted: string | undefined },
  signal: AbortSignal,
): Promise<Facts<InstallationValues>> {
  const { client, namespace } = gatherer;
  const ask = <T>(right: string, read: (signal: AbortSignal) => Promise<T>) =>
    fact(gatherer, right, read, signal);
  const operators = ask('list deployments in all namespaces, or in that of the operator', (until) =>
    listOperators(gatherer, wanted, until),
  );
  const operator = async (): Promise<DeploymentObject> => {
    const found = await operators;
    if ('unknown' in found) throw new CodedError('Unknown', found.unknown);
    const [first] = found.value;
    if (!first) throw new CodedError('NotFound', 'the cluster has no Deployment of the operator');
    return first;
  };
  const list = <T extends KubeObject>(
    kind: ResourceKind,
    where: { namespace?: string; labelSelector?: string },
  ) =>
    ask(
      `list ${kind.plural}${where.namespace ? ` in namespace ${where.namespace}` : ' of the cluster'}`,
      async (until) => (await client.list<T>(kind, where, until)).items,
    );
  const [
    serverVersion,
    servedFields,
    found,
    operatorPods,
    lease,
    rights,
    quotas,
    nodes,
    nodeClocks,
    ownClock,
    dnsPods,
  ] = await Promise.all([
    ask('read /version', (until) => readVersion(gatherer, until)),
    ask('read /openapi/v3', (until) => readServedFields(gatherer, until)),
    operators,
    ask('list pods in the namespace of the operator', async (until) => {
      const found = await operators;
      if ('value' in found && found.value.length === 0) return [];
      const where = { namespace: (await operator()).metadata.namespace, labelSelector: OPERATOR_SELECTOR };
      return (await client.list<PodObject>(kinds.Pod, where, until)).items;
    }),
    ask('get leases in the namespace of the operator', async (until) => {
      const found = await operators;
      if ('value' in found && found.value.length === 0) return undefined;
      const { metadata } = await operator();
      return client
        .get<LeaseObject>(kinds.Lease, metadata.namespace, metadata.name, until)
        .catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
    }),
    ask(`create localsubjectaccessreviews in namespace ${namespace}`, async (until) =>
      readRights(gatherer, await operator(), until),
    ),
    list<QuotaObject>(ResourceQuota, { namespace }),
    list<NodeObject>(kinds.Node, {}),
    ask(`list leases in namespace ${NODE_LEASES}`, async (until) => {
      const { items } = await client.list<LeaseObject>(kinds.Lease, { namespace: NODE_LEASES }, until);
      return items.flatMap((node) => nodeClock(node) ?? []);
    }),
    ask('create selfsubjectreviews', (until) => readOwnClock(gatherer, until)),
    list<PodObject>(kinds.Pod, DNS),
  ]);
  return {
    serverVersion,
    ownVersion: { value: ownVersion },
    servedFields,
    operators: found,
    operatorPods,
    lease,
    rights,
    quotas,
    nodes,
    nodeClocks,
    ownClock,
    dnsPods,
  };
}

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

async function readVersion(
  { client }: Gatherer,
  signal: AbortSignal,
): Promise<InstallationValues['serverVersion']> {
  const answer = (await client.transport.request({ method: 'GET', path: '/version' }, signal)) as {
    readonly gitVersion?: string;
  };
  const text = answer.gitVersion ?? '';
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(text) ?? [];
  if (!major || !minor) throw new CodedError('BadAnswer', `the API server calls its version ${text}`);
  return { major: Number(major), minor: Number(minor), text };
}

async function readServedFields(
  { client }: Gatherer,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const path = `/openapi/v3/apis/${API_VERSION}`;
  const answer = await client.transport.request({ method: 'GET', path }, signal).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const { components } = (answer ?? {}) as {
    readonly components?: { readonly schemas?: Record<string, Json> };
  };
  const schemas = Object.entries(components?.schemas ?? {});
  const [, schema] = schemas.find(([name]) => name.endsWith(`.${KIND}`)) ?? [];
  return schema && ofResource(fieldPaths(schema));
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

/** A review is stored nowhere, and bears the time of the API server. */
async function readOwnClock({ client, clock }: Gatherer, signal: AbortSignal): Promise<ClockReading> {
  const group = 'authentication.k8s.io/v1';
  const before = clock.now();
  const { metadata } = (await client.transport.request(
    {
      method: 'POST',
      path: `/apis/${group}/selfsubjectreviews`,
      body: { apiVersion: group, kind: 'SelfSubjectReview' },
    },
    signal,
  )) as KubeObject;
  const after = clock.now();
  if (metadata.creationTimestamp === undefined)
    throw new CodedError('BadAnswer', 'the API server does not say what time it is');
  return {
    whose: 'this machine',
    aheadMs: (before + after) / 2 - (Date.parse(metadata.creationTimestamp) + HALF_SECOND_MS),
    errorMs: HALF_SECOND_MS + (after - before) / 2,
  };
}

/** A kubelet writes `renewTime` by its own clock; the API server notes by its own when that was. */
export function nodeClock({ metadata, spec }: LeaseObject): ClockReading | undefined {
  const times = ((metadata.managedFields ?? []) as readonly { readonly time?: string }[]).flatMap(
    ({ time }) => (time === undefined ? [] : [Date.parse(time)]),
  );
  if (spec?.renewTime === undefined || times.length === 0) return undefined;
  return {
    whose: `Node ${metadata.name}`,
    aheadMs: Date.parse(spec.renewTime) - (Math.max(...times) + HALF_SECOND_MS),
    errorMs: HALF_SECOND_MS + RENEWAL_MS,
  };
}
