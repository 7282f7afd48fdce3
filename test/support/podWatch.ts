import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { type CacheChange, ObjectCache } from '../../src/engine/kube/objectCache.ts';
import { Reflector } from '../../src/engine/kube/reflector.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';

export type PodObject = KubeObject & {
  readonly spec: {
    readonly containers: readonly {
      readonly image?: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
    readonly imagePullSecrets?: readonly { readonly name: string }[];
  };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
};

type StackObject = KubeObject & {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly observedGeneration?: number;
    }[];
  };
};

export type PodState = 'Ready' | 'NotReady' | 'Terminating' | 'Deleted';

/** A change of a pod's state. All watches read one etcd, so that `revision` orders the events of both kinds. */
export interface PodMoment {
  readonly atMs: number;
  readonly revision: number;
  readonly pod: PodObject;
  readonly state: PodState;
  /** Nodes that are down right after this change. */
  readonly down: readonly string[];
}

interface StackMoment {
  readonly revision: number;
  readonly generation: number;
  /** Ready is True for this generation. */
  readonly isReady: boolean;
}

const INSTANCE = 'app.kubernetes.io/instance';
const COMPONENT = 'app.kubernetes.io/component';
const NODES = ['database', 'master', 'coreapp', 'webapp'];

const componentOf = ({ metadata }: PodObject): string => metadata.labels?.[COMPONENT] ?? '';
const revisionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion);

function stateOf(pod: PodObject): PodState {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? 'Ready' : 'NotReady';
}

/**
 * The pods of one stack by a watch of its own, each change of state with the nodes that were down at that moment. Down is
 * a node of a StatefulSet without a ready pod, and each Webapp that is missing from those that there were at `expect`.
 */
export class PodWatch {
  readonly moments: PodMoment[] = [];
  /** Called within the event: what it does comes before the operator's answer to the same event. */
  onMoment: (moment: PodMoment) => void = () => {};
  readonly #stacks: StackMoment[] = [];
  readonly #pods = new Map<string, { pod: PodObject; state: PodState }>();
  readonly #stop = new AbortController();
  #slots: readonly string[] = [];
  #webapps = 0;

  static async start(client: KubeClient, stack: string): Promise<PodWatch> {
    const watch = new PodWatch();
    const common = { client, namespace: 'default', clock: systemClock, random: Math.random };
    const pods = new Reflector<PodObject>({
      ...common,
      kind: kinds.Pod,
      labelSelector: `${INSTANCE}=${stack}`,
      cache: new ObjectCache(),
      onChange: (change) => watch.#onPod(change),
      logger: silentLogger,
    });
    const resources = new Reflector<StackObject>({
      ...common,
      kind: WhatsAppDeploymentKind,
      fieldSelector: `metadata.name=${stack}`,
      cache: new ObjectCache(),
      onChange: (change) => watch.#onStack(change),
      logger: silentLogger,
    });
    for (const reflector of [pods, resources]) void reflector.run(watch.#stop.signal);
    await Promise.all([pods.synced, resources.synced]);
    return watch;
  }

  /** Takes the present pods as those that should be up from now on, and forgets what was before. */
  expect(): void {
    const nodes = this.pods();
    this.#slots = nodes.filter((pod) => componentOf(pod) !== 'webapp').map(({ metadata }) => metadata.name);
    this.#webapps = nodes.length - this.#slots.length;
    this.moments.length = 0;
    this.#stacks.length = 0;
  }

  /** Pods of nodes that exist now; Jobs are not among them. */
  pods(): PodObject[] {
    return [...this.#pods.values()].map(({ pod }) => pod).filter((pod) => NODES.includes(componentOf(pod)));
  }

  /** Nodes that are down now. */
  down(): string[] {
    const up = [...this.#pods.values()].filter(({ state }) => state === 'Ready').map(({ pod }) => pod);
    const names = new Set(up.map(({ metadata }) => metadata.name));
    const webapps = up.filter((pod) => componentOf(pod) === 'webapp').length;
    const missing = Math.max(0, this.#webapps - webapps);
    return [
      ...this.#slots.filter((name) => !names.has(name)),
      ...Array.from({ length: missing }, () => 'a Webapp'),
    ];
  }

  /** The moments at which more than one node was down, for a failure's message. */
  together(): string[] {
    return this.moments
      .filter(({ down }) => down.length > 1)
      .map(({ atMs, pod, state, down }) => `${clockOf(atMs)} ${pod.metadata.name} ${state}: ${down.join()}`);
  }

  /** The times at which Ready was True for `generation` although a pod was outdated or down. */
  readyTooEarly(generation: number, isOutdated: (pod: PodObject) => boolean): string[] {
    const alive = new Map<string, PodMoment>();
    const open = (at: number) => {
      for (const moment of this.moments) {
        if (moment.revision > at) break;
        if (moment.state === 'Deleted') alive.delete(moment.pod.metadata.uid ?? '');
        else alive.set(moment.pod.metadata.uid ?? '', moment);
      }
      return [...alive.values()].filter(({ pod, state }) => isOutdated(pod) && state !== 'Terminating');
    };
    return this.#stacks
      .filter((stack) => stack.isReady && stack.generation === generation)
      .flatMap(({ revision }) => {
        const outdated = open(revision).map(({ pod }) => `${pod.metadata.name} is outdated`);
        const last = this.moments.findLast((moment) => moment.revision <= revision);
        const found = [...outdated, ...(last?.down ?? []).map((name) => `${name} is down`)];
        return found.length > 0 ? [`Ready at revision ${revision}: ${found.join(', ')}`] : [];
      });
  }

  /** The changes since `expect`, one a line. */
  timeline(): string {
    const [first] = this.moments;
    return this.moments
      .map(
        ({ atMs, pod, state, down }) =>
          `${((atMs - (first?.atMs ?? 0)) / 1000).toFixed(1).padStart(6)} s  ${pod.metadata.name} ${state}${down.length > 0 ? `  down: ${down.join()}` : ''}`,
      )
      .join('\n');
  }

  close(): void {
    this.#stop.abort();
  }

  #onPod({ type, object }: CacheChange<PodObject>): void {
    if (!NODES.includes(componentOf(object))) return;
    const { uid = '' } = object.metadata;
    const state = type === 'Deleted' ? 'Deleted' : stateOf(object);
    const before = this.#pods.get(uid)?.state;
    if (state === 'Deleted') this.#pods.delete(uid);
    else this.#pods.set(uid, { pod: object, state });
    if (state === before) return;
    const moment = {
      atMs: Date.now(),
      revision: revisionOf(object),
      pod: object,
      state,
      down: this.down(),
    };
    this.moments.push(moment);
    this.onMoment(moment);
  }

  #onStack({ type, object }: CacheChange<StackObject>): void {
    const { generation = 0 } = object.metadata;
    const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready');
    const isReady = type !== 'Deleted' && ready?.status === 'True' && ready.observedGeneration === generation;
    this.#stacks.push({ revision: revisionOf(object), generation, isReady });
  }
}

const clockOf = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);
