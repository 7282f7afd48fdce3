import { type KubeObject, kinds } from '../../../src/engine/kube/kubeObject.ts';
import { hashOf } from '../../../src/engine/kube/ownFields.ts';
import { ClusterAccess, controllerOf, isReady, isTerminating, type PodObject } from './clusterAccess.ts';
import type { ManagerContext, SimulatedController } from './controllerManager.ts';
import { podOf } from './podOf.ts';

type Deployment = KubeObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly strategy?: {
      readonly rollingUpdate?: { readonly maxSurge?: number; readonly maxUnavailable?: number };
    };
    readonly template: object;
  };
};

const HASH = 'pod-template-hash';

/** The Deployment controller of Kubernetes and its ReplicaSets, of which only the label of the pods is left. */
export class DeploymentController implements SimulatedController {
  readonly kind = kinds.Deployment;
  readonly access: ClusterAccess;
  #lastName = 0;

  constructor({ server, actors }: ManagerContext) {
    this.access = new ClusterAccess(server, actors, 'deployment-controller');
  }

  sync(object: KubeObject): object {
    const deployment = object as Deployment;
    const { namespace = '', uid, generation } = deployment.metadata;
    const hash = hashOf(deployment.spec.template).slice(0, 10);
    // A ReplicaSet does not count pods that end.
    const active = this.access
      .list<PodObject>(kinds.Pod, namespace)
      .filter((pod) => controllerOf(pod)?.uid === uid && !isTerminating(pod));
    const fresh = active.filter((pod) => pod.metadata.labels?.[HASH] === hash);
    const old = active.filter((pod) => !fresh.includes(pod));
    this.#act(deployment, hash, fresh, old);
    const ready = active.filter(isReady).length;
    return {
      observedGeneration: generation,
      replicas: active.length,
      updatedReplicas: fresh.length,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, (deployment.spec.replicas ?? 1) - ready),
    };
  }

  #act(deployment: Deployment, hash: string, fresh: readonly PodObject[], old: readonly PodObject[]): void {
    const { replicas = 1, strategy } = deployment.spec;
    const { maxSurge = 1, maxUnavailable = 0 } = strategy?.rollingUpdate ?? {};
    const total = fresh.length + old.length;
    const missing = Math.min(replicas - fresh.length, replicas + (old.length > 0 ? maxSurge : 0) - total);
    for (let count = 0; count < missing; count++) this.#create(deployment, hash);
    // Pods that are not ready go first, then the youngest.
    const byWorth = (pods: readonly PodObject[]) =>
      [...pods].reverse().sort((a, b) => Number(isReady(a)) - Number(isReady(b)));
    for (const pod of byWorth(fresh).slice(0, Math.max(0, fresh.length - replicas)))
      this.access.delete(pod, { why: 'scales down' });
    const minAvailable = replicas - maxUnavailable;
    const unavailableFresh = fresh.filter((pod) => !isReady(pod)).length;
    const mayGo = total - minAvailable - unavailableFresh;
    const unhealthy = old.filter((pod) => !isReady(pod)).slice(0, Math.max(0, mayGo));
    for (const pod of unhealthy) this.access.delete(pod, { why: 'rolls' });
    const available = [...fresh, ...old].filter(isReady).length;
    const healthy = old.filter(isReady);
    for (const pod of healthy.slice(0, Math.max(0, available - minAvailable)))
      this.access.delete(pod, { why: 'rolls' });
  }

  #create(deployment: Deployment, hash: string): void {
    const { name, namespace } = deployment.metadata;
    this.access.create(
      podOf(deployment, {
        name: `${name}-${hash}-${String(++this.#lastName).padStart(5, '0')}`,
        namespace,
        template: deployment.spec.template,
        labels: { [HASH]: hash },
      }),
    );
  }
}
