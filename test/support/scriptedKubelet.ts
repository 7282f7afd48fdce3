import { isConflict, isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';

type Pod = KubeObject & {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly command?: readonly string[];
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
  };
  readonly status?: { readonly phase?: string };
};

/** What happens to a pod instead of running: the state of its first container, or that of the whole pod. */
export interface Fate {
  readonly container?: object;
  readonly status?: object;
}

const EVERY_MS = 100;

/**
 * Plays the kubelet for the pods of a namespace: they run at once without any process, and those of Jobs succeed. `playNode`
 * ends what is being deleted. A test decides which pods have another fate.
 */
export class ScriptedKubelet {
  /** Returns the fate of a pod; undefined to let it run. */
  fate: (pod: Pod) => Fate | undefined = () => undefined;
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  /** The last status of each pod, by UID. */
  readonly #sent = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();
  #addresses = 0;

  private constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  static start(client: KubeClient, namespace: string): ScriptedKubelet {
    const kubelet = new ScriptedKubelet(client, namespace);
    kubelet.#running = kubelet.#run();
    return kubelet;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#look(signal).catch((error: unknown) => {
        if (!signal.aborted && !isNotFound(error) && !isConflict(error)) throw error;
      });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { items } = await this.#client.list<Pod>(kinds.Pod, { namespace: this.#namespace }, signal);
    for (const pod of items) {
      const { name, uid = '', deletionTimestamp } = pod.metadata;
      if (!pod.spec.nodeName || deletionTimestamp) continue;
      // What has ended stays so.
      if (['Failed', 'Succeeded'].includes(pod.status?.phase ?? '')) continue;
      const fate = this.fate(pod) ?? {};
      const text = JSON.stringify(fate);
      if (this.#sent.get(uid) === text) continue;
      const target = { namespace: this.#namespace, name, subresource: 'status' } as const;
      await this.#client.mergePatch(kinds.Pod, target, { status: this.#statusOf(pod, fate) }, signal);
      this.#sent.set(uid, text);
    }
  }

  #statusOf({ metadata, spec }: Pod, { container, status }: Fate): object {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const isJob = metadata.ownerReferences?.some(({ kind }) => kind === 'Job') ?? false;
    const isReady = container === undefined && status === undefined && !isJob;
    const done = { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } };
    const state = { state: isJob ? done : { running: { startedAt: now } } };
    const [first, ...rest] = spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready: isReady,
      started: isReady,
      restartCount: 0,
      lastState: {},
      ...state,
    }));
    this.#addresses += 1;
    const ip = `10.99.0.${this.#addresses % 250}`;
    return {
      phase: isJob ? 'Succeeded' : isReady ? 'Running' : 'Pending',
      startTime: now,
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: now },
        ...['Initialized', 'ContainersReady', 'Ready'].map((type) => ({
          type,
          status: isReady || type === 'Initialized' ? 'True' : 'False',
          lastTransitionTime: now,
        })),
      ],
      containerStatuses: [{ ...first, ...container }, ...rest],
      ...status,
    };
  }
}
