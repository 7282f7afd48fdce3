import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, registerKind } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { FIELD_MANAGER } from '../plan/facts/names.ts';

registerKind({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  plural: 'certificates',
  namespaced: true,
});
registerKind({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PodMonitor',
  plural: 'podmonitors',
  namespaced: true,
});

/**
 * Objects of kinds that a cluster may not have, and that therefore nobody watches: applied when they change, and once
 * after a start of the operator. @throws CodedError `KindMissing`
 */
export class UnwatchedObjects {
  readonly #client: KubeClient;
  readonly #applied = new Map<string, string>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  async apply(object: KubeObject, signal: AbortSignal): Promise<void> {
    const { kind, apiVersion, metadata } = object;
    const key = `${kind}/${metadata.namespace}/${metadata.name}`;
    const hash = hashOf(object);
    if (this.#applied.get(key) === hash) return;
    try {
      await this.#client.apply(object, { fieldManager: FIELD_MANAGER, force: true }, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new CodedError(
        'KindMissing',
        `the cluster has no ${kind} of ${apiVersion}; install what brings it`,
      );
    }
    this.#applied.set(key, hash);
  }
}
