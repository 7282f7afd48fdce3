import { enableNamespace, findOperator } from '../../src/cli/namespaceCommand.ts';
import { manifests, readObjects } from '../../src/cli/quickstart/quickstart.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { clusterProcesses, killProcesses } from './clusterProcesses.ts';
import { eventually } from './eventually.ts';
import type { OperatorCluster } from './operatorCluster.ts';

const never = new AbortController().signal;
const NAMESPACE = 'waba-operator-system';
const DEPLOYMENT = ['-n', NAMESPACE, 'deployment/waba-operator'];
const IMAGE = /ghcr\.io\/waba-operator\/waba-(operator|stack):[^"]*/g;

/** Applies deploy/install.yaml of a checkout with these images, and waits until only the new operator runs. */
export async function installOperatorFrom(
  cluster: OperatorCluster,
  folder: string,
  images?: { readonly operator: string; readonly stack: string },
): Promise<void> {
  for (const object of await readObjects(manifests(folder).install)) {
    const text = JSON.stringify(object);
    const named = images ? text.replace(IMAGE, (_, name: 'operator' | 'stack') => images[name]) : text;
    await cluster.apply(JSON.parse(named) as KubeObject);
  }
  await cluster.kubectl('rollout', 'status', ...DEPLOYMENT, '--timeout=120s');
  await eventually(async () => (await operatorPods(cluster)).length === 1, 60_000);
  const operator = await findOperator(cluster.client, undefined, never);
  await enableNamespace(cluster.client, operator, 'default', never);
}

const operatorPods = (cluster: OperatorCluster): Promise<readonly KubeObject[]> =>
  cluster.pods('', NAMESPACE);

/** Stops the operator: no pod of it runs when this returns. */
export async function stopOperator(cluster: OperatorCluster): Promise<void> {
  await cluster.kubectl('scale', ...DEPLOYMENT, '--replicas=0');
  await eventually(async () => (await operatorPods(cluster)).length === 0, 60_000);
}

/**
 * Ends the operator's processes by SIGKILL and removes its pod, so that another pod starts at once instead of after the
 * waits between restarts. @returns false if none ran
 */
export async function killOperatorPod(cluster: OperatorCluster): Promise<boolean> {
  const [pod] = await operatorPods(cluster);
  if (!pod) return false;
  const { name } = pod.metadata;
  const killed = killProcesses(clusterProcesses(cluster.cluster).filter((each) => each.pod === name));
  await cluster.client
    .delete(kinds.Pod, NAMESPACE, pod.metadata.name, { gracePeriodSeconds: 0, uid: pod.metadata.uid }, never)
    .catch(() => {});
  return killed > 0;
}
