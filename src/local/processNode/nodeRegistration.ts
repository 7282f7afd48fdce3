import { availableParallelism, totalmem } from 'node:os';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { KUBERNETES_VERSION } from '../kubernetesVersions.ts';

/** Name of the only Node of a local cluster. */
export const NODE_NAME = 'local';
export const HOST_IP = '127.0.0.1';
const LEASE_MS = 10_000;
const MAX_PODS = 200;
const MANAGER = { fieldManager: 'waba-local', force: true } as const;

/** Creates the Node object and reports it ready. The API server asks for logs at `kubeletPort`. */
export async function registerNode(
  client: KubeClient,
  kubeletPort: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const labels = {
    'kubernetes.io/hostname': NODE_NAME,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': arch,
  };
  const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME, labels } };
  await client.apply(node, MANAGER, signal);
  const status = nodeStatus(kubeletPort, arch, clock.now());
  await client.mergePatch(kinds.Node, { name: NODE_NAME, subresource: 'status' }, { status }, signal);
}

function nodeStatus(kubeletPort: number, architecture: string, nowMs: number) {
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const size = {
    cpu: String(availableParallelism() * 16),
    memory: `${Math.floor(totalmem() / 1024) * 4}Ki`,
    pods: String(MAX_PODS),
    'ephemeral-storage': '1Ti',
  };
  return {
    capacity: size,
    allocatable: size,
    addresses: [
      { type: 'InternalIP', address: HOST_IP },
      { type: 'Hostname', address: NODE_NAME },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      architecture,
      bootID: '-',
      containerRuntimeVersion: 'process://1',
      kernelVersion: '-',
      kubeProxyVersion: '',
      // As old as the oldest server that we run: a server accepts nodes of up to three minor versions before its own.
      kubeletVersion: KUBERNETES_VERSION,
      machineID: '-',
      operatingSystem: 'linux',
      osImage: 'processes of this machine',
      systemUUID: '-',
    },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'ProcessNodeReady',
        message: 'runs pods as processes',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
  };
}

/**
 * Keeps the Node until `signal` fires: renews its Lease, and registers it again when it is gone or not ready. Controllers
 * take a node for lost when they or this machine have slept, and leave it so until the node itself reports.
 */
export async function keepNode(
  client: KubeClient,
  kubeletPort: number,
  { clock, logger }: { clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await renewLease(client, clock, signal);
      if (!(await isNodeReady(client, signal))) await registerNode(client, kubeletPort, clock, signal);
    } catch (error) {
      if (!signal.aborted) logger.warn('node not reported', { error });
    }
    await sleep(clock, LEASE_MS, signal).catch(() => {});
  }
}

async function renewLease(client: KubeClient, clock: Clock, signal: AbortSignal): Promise<void> {
  const lease: KubeObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: NODE_NAME, namespace: 'kube-node-lease' },
    spec: {
      holderIdentity: NODE_NAME,
      leaseDurationSeconds: 40,
      renewTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
    },
  };
  await client.apply(lease, MANAGER, signal);
}

interface Node extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function isNodeReady(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  try {
    const { status } = await client.get<Node>(kinds.Node, undefined, NODE_NAME, signal);
    return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
