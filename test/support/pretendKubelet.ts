import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { never } from './cluster.ts';

type Pod = KubeObject & {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly env?: readonly {
        readonly valueFrom?: { readonly secretKeyRef?: { name: string; key: string } };
      }[];
    }[];
  };
  readonly status?: { readonly phase?: string };
};

/**
 * Runs the pods of a namespace as far as Kubernetes tells it: an image whose name holds "broken" is not there, every other
 * pod becomes ready at once, and the pod of a Job succeeds. `jobHangs` decides which pods of Jobs go on running.
 */
export class PretendKubelet {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  jobHangs: (pod: Pod) => boolean = () => false;
  /** The most schema Jobs whose pods ran at once. */
  mostJobs = 0;

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { items } = await this.#client.list<Pod>(kinds.Pod, { namespace: this.#namespace }, never);
      const jobs = items.filter((pod) => isOfJob(pod) && pod.status?.phase === 'Running');
      this.mostJobs = Math.max(this.mostJobs, jobs.length);
      for (const pod of items) {
        const status = this.#statusOf(pod);
        if (status && status.phase !== pod.status?.phase)
          await this.#client
            .mergePatch(
              kinds.Pod,
              { namespace: this.#namespace, name: pod.metadata.name, subresource: 'status' },
              { status },
              never,
            )
            .catch(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #statusOf(pod: Pod): { readonly phase: string } | undefined {
    const now = new Date().toISOString();
    const broken = pod.spec.containers.some(({ image }) => image.includes('broken'));
    if (broken) {
      const containerStatuses = pod.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        ready: false,
        restartCount: 0,
        started: false,
        state: { waiting: { reason: 'ImagePullBackOff', message: `cannot pull ${image}` } },
      }));
      return statusWith('Pending', 'False', now, containerStatuses);
    }
    const containerStatuses = pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: true,
      restartCount: 0,
      started: true,
      state: { running: { startedAt: now } },
    }));
    const isOver = isOfJob(pod) && !this.jobHangs(pod) && pod.status?.phase === 'Running';
    if (pod.status?.phase === 'Succeeded') return undefined;
    return statusWith(isOver ? 'Succeeded' : 'Running', 'True', now, containerStatuses);
  }
}

const isOfJob = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.['batch.kubernetes.io/job-name'] !== undefined;

const statusWith = (phase: string, ready: string, now: string, containerStatuses: readonly object[]) => ({
  phase,
  conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status: ready, lastTransitionTime: now })),
  containerStatuses,
});
