import { CodedError } from '../../../base/codedError.ts';
import { isNotFound } from '../../../engine/kube/apiError.ts';
import { type KubeObject, kinds } from '../../../engine/kube/kubeObject.ts';
import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import type { Json } from '../../../operator/resource/crd.ts';
import { API_VERSION, KIND } from '../../../operator/resource/whatsAppDeployment.ts';
import type { PodObject } from '../../../operator/state/podObject.ts';
import type { Facts } from './check.ts';
import type { ClockReading, ClusterValues, NodeObject } from './facts.ts';
import { asking, type Gatherer } from './gather.ts';
import { fieldPaths, ofResource } from './servedFields.ts';

const DNS = { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' } as const;
const NODE_LEASES = 'kube-node-lease';
/** Kubernetes writes times in full seconds: on average it is half a second later. */
const HALF_SECOND_MS = 500;
/** How long a renewal of a Lease may be on its way from the node to the API server. */
const RENEWAL_MS = 1_000;

/** Facts of the cluster. All are asked for at once. */
export async function gatherCluster(gatherer: Gatherer, signal: AbortSignal): Promise<Facts<ClusterValues>> {
  const { client } = gatherer;
  const { ask, list } = asking(gatherer, signal);
  const [serverVersion, servedFields, nodes, nodeClocks, ownClock, dnsPods] = await Promise.all([
    ask('read /version', (until) => readVersion(gatherer, until)),
    ask('read /openapi/v3', (until) => readServedFields(gatherer, until)),
    list<NodeObject>(kinds.Node, {}),
    ask(`list leases in namespace ${NODE_LEASES}`, async (until) => {
      const { items } = await client.list<LeaseObject>(kinds.Lease, { namespace: NODE_LEASES }, until);
      return items.flatMap((node) => nodeClock(node) ?? []);
    }),
    ask('create selfsubjectreviews', (until) => readOwnClock(gatherer, until)),
    list<PodObject>(kinds.Pod, DNS),
  ]);
  return { serverVersion, servedFields, nodes, nodeClocks, ownClock, dnsPods };
}

async function readVersion(
  { client }: Gatherer,
  signal: AbortSignal,
): Promise<ClusterValues['serverVersion']> {
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
