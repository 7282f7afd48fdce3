import { CONTAINERS } from '../../backup/contract/contract.ts';
import { isBadRequest, isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kindOf } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import { createIfMissing } from '../state/createIfMissing.ts';
import type { PodObject } from '../state/podObject.ts';
import type { StackSources } from '../state/stackSources.ts';

/** The last line is a result or progress; errors may stand before it. */
const LOG_LINES = 5;

/** What the operator does with the Jobs of the backup program, and with the objects that ask for them. */
export class AgentJobs {
  readonly #client: KubeClient;
  readonly #sources: StackSources;

  constructor({
    client,
    sources,
  }: {
    readonly client: KubeClient;
    readonly sources: StackSources;
  }) {
    this.#client = client;
    this.#sources = sources;
  }

  /** @returns false if it is there */
  create(object: KubeObject, signal: AbortSignal): Promise<boolean> {
    return createIfMissing(object, { client: this.#client, cache: this.#cacheOf(object) }, signal);
  }

  /** Deletes this very object with what it owns, and no other of its name. */
  async delete(object: KubeObject, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = object.metadata;
    const options = { uid, propagation: 'Foreground' } as const;
    try {
      const going = await this.#client.delete(kindOf(object), namespace, name, options, signal);
      if (going) this.#cacheOf(going)?.observeWrite(going);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** The end of what the program printed; undefined before its container has started, and once the pod is gone. */
  async endOfLog(pod: PodObject | undefined, signal: AbortSignal): Promise<string | undefined> {
    if (!pod) return undefined;
    const { namespace = '', name } = pod.metadata;
    const query = { container: CONTAINERS.agent, tailLines: LOG_LINES };
    return podLog(this.#client, namespace, name, query, signal).catch((error: unknown) => {
      if (isBadRequest(error) || isNotFound(error)) return undefined;
      throw error;
    });
  }

  #cacheOf({ kind }: KubeObject) {
    const { backups, children } = this.#sources;
    return [backups, ...children].find((source) => source.kind.kind === kind)?.cache;
  }
}
