import type { Source } from '../../engine/controller/sources.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds, objectKey } from '../../engine/kube/kubeObject.ts';
import type { ReferencedSecret } from '../plan/facts/observed.ts';
import { decodeSecret, type SecretObject } from '../plan/facts/secrets.ts';

/** Content of Secrets that users created: read once, and again when the watch on their metadata reports a change. */
export class ReferencedSecrets {
  readonly #client: KubeClient;
  readonly #metadata: Source<KubeObject>;
  readonly #known = new Map<string, { resourceVersion: string | undefined; secret: ReferencedSecret }>();

  constructor(client: KubeClient, metadata: Source<KubeObject>) {
    this.#client = client;
    this.#metadata = metadata;
  }

  async read(
    namespace: string,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, ReferencedSecret>> {
    const found = await Promise.all(
      [...new Set(names)].map(
        async (name) => (await this.#one(namespace, name, signal)) ?? { name, data: undefined },
      ),
    );
    return new Map(found.map((secret) => [secret.name, secret]));
  }

  async #one(namespace: string, name: string, signal: AbortSignal): Promise<ReferencedSecret | undefined> {
    const key = objectKey(namespace, name);
    const meta = this.#metadata.cache.get(key);
    if (!meta) {
      this.#known.delete(key);
      return undefined;
    }
    const known = this.#known.get(key);
    if (known?.resourceVersion === meta.metadata.resourceVersion) return known?.secret;
    try {
      const stored = await this.#client.get<SecretObject>(kinds.Secret, namespace, name, signal);
      // Decoded once: passes tell by identity whether the content has changed.
      const secret = { name, data: decodeSecret(stored), raw: stored.data };
      this.#known.set(key, { resourceVersion: meta.metadata.resourceVersion, secret });
      return secret;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
