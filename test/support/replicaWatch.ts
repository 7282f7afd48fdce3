import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds, resourcePath } from '../../src/engine/kube/kubeObject.ts';

/** Records every number of pods that a Deployment ever declared. */
export class ReplicaWatch {
  readonly #seen: number[] = [];
  readonly #stop = new AbortController();

  constructor(client: KubeClient, namespace: string, name: string) {
    void this.#run(client, namespace, name).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  /** Each change since the last call, in order, without repetitions. */
  take(): number[] {
    const last = this.#seen.at(-1);
    const taken = this.#seen.splice(0).filter((count, index, all) => count !== all[index - 1]);
    if (last !== undefined) this.#seen.push(last);
    return taken;
  }

  close(): void {
    this.#stop.abort();
  }

  async #run(client: KubeClient, namespace: string, name: string): Promise<void> {
    const { signal } = this.#stop;
    const query = { watch: true, fieldSelector: `metadata.name=${name}`, timeoutSeconds: 600 };
    const path = resourcePath(kinds.Deployment, namespace);
    for await (const line of client.transport.stream({ method: 'GET', path, query }, signal)) {
      const { object } = JSON.parse(String(line)) as {
        object: KubeObject & { spec?: { replicas?: number } };
      };
      if (object.spec?.replicas !== undefined) this.#seen.push(object.spec.replicas);
    }
  }
}
