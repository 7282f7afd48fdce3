import { type KubeObject, kinds } from '../../../src/engine/kube/kubeObject.ts';
import { hashOf } from '../../../src/engine/kube/ownFields.ts';
import { ClusterAccess, controllerOf, isReady, isTerminating, type PodObject } from './clusterAccess.ts';
import type { ManagerContext, SimulatedController } from './controllerManager.ts';
import { podOf } from './podOf.ts';

type StatefulSet = KubeObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly updateStrategy?: { readonly type?: string };
    readonly template: object;
  };
  readonly status?: {
    readonly currentRevision?: string;
    readonly currentReplicas?: number;
  };
};

const REVISION = 'controller-revision-hash';

/** The StatefulSet controller of Kubernetes with the pod management OrderedReady. */
export class StatefulSetController implements SimulatedController {
  readonly kind = kinds.StatefulSet;
  readonly access: ClusterAccess;
  /** ControllerRevisions, by name. */
  readonly #templates = new Map<string, object>();

  constructor({ server, actors }: ManagerContext) {
    this.access = new ClusterAccess(server, actors, 'statefulset-controller');
  }

  sync(object: KubeObject): object {
    const set = object as StatefulSet;
    const { name, namespace = '', uid, generation } = set.metadata;
    const { replicas = 1, updateStrategy } = set.spec;
    const updateRevision = `${name}-${hashOf(set.spec.template).slice(0, 10)}`;
    this.#templates.set(updateRevision, structuredClone(set.spec.template));
    const currentRevision = set.status?.currentRevision ?? updateRevision;
    const rolls = updateStrategy?.type !== 'OnDelete';
    const pods = this.access
      .list<PodObject>(kinds.Pod, namespace)
      .filter((pod) => controllerOf(pod)?.uid === uid);
    const revisionOf = (pod: PodObject) => pod.metadata.labels?.[REVISION];
    const active = pods.filter((pod) => !isTerminating(pod));
    const status = {
      observedGeneration: generation,
      replicas: pods.length,
      // A pod that ends counts until its kubelet takes the condition away.
      readyReplicas: pods.filter(isReady).length,
      availableReplicas: pods.filter(isReady).length,
      currentReplicas: active.filter((pod) => revisionOf(pod) === currentRevision).length,
      updatedReplicas: active.filter((pod) => revisionOf(pod) === updateRevision).length,
      currentRevision,
      updateRevision,
    };
    const change = this.#act(set, pods, { currentRevision, updateRevision, replicas, rolls });
    if (change === 'created-current') status.currentReplicas += 1;
    if (change === 'created-update') status.updatedReplicas += 1;
    if (change === 'deleted-current') status.currentReplicas -= 1;
    // With OnDelete the current revision never moves.
    const isComplete = rolls && status.updatedReplicas === replicas && status.readyReplicas === replicas;
    return isComplete
      ? { ...status, currentRevision: updateRevision, currentReplicas: status.updatedReplicas }
      : status;
  }

  /** At most one action, as the pods start and end in order. */
  #act(
    set: StatefulSet,
    pods: readonly PodObject[],
    of: { currentRevision: string; updateRevision: string; replicas: number; rolls: boolean },
  ): 'created-current' | 'created-update' | 'deleted-current' | undefined {
    const { name, namespace } = set.metadata;
    const { currentRevision, updateRevision, replicas, rolls } = of;
    const podAt = (ordinal: number) => pods.find(({ metadata }) => metadata.name === `${name}-${ordinal}`);
    for (let ordinal = 0; ordinal < replicas; ordinal++) {
      const pod = podAt(ordinal);
      if (!pod) {
        // While a roll has not reached it, a lost pod comes back as it was.
        const isOld = rolls && ordinal < (set.status?.currentReplicas ?? 0);
        const revision = isOld ? currentRevision : updateRevision;
        const labels = {
          [REVISION]: revision,
          'statefulset.kubernetes.io/pod-name': `${name}-${ordinal}`,
          'apps.kubernetes.io/pod-index': String(ordinal),
        };
        const template = this.#templates.get(revision) ?? set.spec.template;
        this.access.create(podOf(set, { name: `${name}-${ordinal}`, namespace, template, labels }));
        if (currentRevision === updateRevision) return undefined;
        return isOld ? 'created-current' : 'created-update';
      }
      if (isTerminating(pod) || !isReady(pod)) return undefined;
    }
    const surplus = pods.filter((pod) => Number(pod.metadata.name.split('-').at(-1)) >= replicas).at(-1);
    if (surplus) {
      if (!isTerminating(surplus)) this.access.delete(surplus, { why: 'scales down' });
      return undefined;
    }
    if (!rolls) return undefined;
    for (let ordinal = replicas - 1; ordinal >= 0; ordinal--) {
      const pod = podAt(ordinal);
      if (!pod || pod.metadata.labels?.[REVISION] === updateRevision) continue;
      this.access.delete(pod, { why: 'rolls' });
      return 'deleted-current';
    }
    return undefined;
  }
}
