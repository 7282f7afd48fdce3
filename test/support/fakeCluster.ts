import { deepFreeze } from '../../src/base/deepFreeze.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import { type KubeObject, kindOf, kinds, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import type { KubeRequest, Transport } from '../../src/engine/kube/transport.ts';
import { matches } from '../../src/engine/simulation/target.ts';
import { mergePatch } from '../../src/engine/simulation/versions.ts';
import {
  OPTIONAL_KINDS,
  WhatsAppBackupKind,
  WhatsAppDeploymentKind,
  WhatsAppFleetKind,
} from '../../src/operator/state/stackSources.ts';

const PLURALS = new Set(
  [
    ...Object.values(kinds),
    ...OPTIONAL_KINDS,
    WhatsAppDeploymentKind,
    WhatsAppBackupKind,
    WhatsAppFleetKind,
  ].map(({ plural }) => plural),
);

/** A cluster in memory, as far as the CLI uses one: no versions, no schemas, no watches. */
export class FakeCluster implements Transport {
  readonly #objects = new Map<string, KubeObject>();
  /** Called with each request before it is answered. An error that it throws is the answer. */
  onRequest: (request: KubeRequest) => void = () => {};
  /** The log of every container. */
  log = '';

  constructor(...objects: readonly object[]) {
    for (const object of objects) this.put(object);
  }

  /** Creates or replaces an object. */
  put(object: object): void {
    const stored = object as KubeObject;
    const { namespace, name } = stored.metadata;
    this.#objects.set(resourcePath(kindOf(stored), namespace, name), stored);
  }

  /** @throws ApiError 404 */
  find(path: string): KubeObject {
    const object = this.#objects.get(path);
    if (object) return object;
    throw new ApiError(404, { reason: 'NotFound', message: 'not found', details: { name: path } }, path);
  }

  async request(request: KubeRequest): Promise<unknown> {
    const answer = this.#answer(request);
    // A real server would answer in protobuf, which is read into frozen objects.
    return request.reader ? deepFreeze(structuredClone(answer)) : answer;
  }

  #answer(request: KubeRequest): unknown {
    this.onRequest(request);
    const { method, path, body, contentType, query } = request;
    const isDryRun = query?.dryRun === 'All';
    const store = (object: object): object => {
      if (!isDryRun) this.put(object);
      return object;
    };
    if (method === 'POST') return store(isDryRun ? created(body as KubeObject) : (body as object));
    if (contentType === 'application/apply-patch+yaml') {
      const stored = this.#objects.get(path);
      return store(
        stored && isDryRun ? nextGeneration(mergePatch(stored, body) as KubeObject) : (body as object),
      );
    }
    if (PLURALS.has(path.split('/').at(-1) ?? '')) return this.#list(request);
    if (path === '/version') return { gitVersion: 'v1.34.0' };
    const found = this.find(path);
    if (method === 'DELETE') this.#objects.delete(path);
    if (method !== 'PATCH') return found;
    const patched = mergePatch(found, body) as KubeObject;
    return store('spec' in (body as object) ? nextGeneration(patched) : patched);
  }

  #list({ path, query = {} }: KubeRequest): object {
    const items = [...this.#objects.values()].filter((object) => {
      const kind = kindOf(object);
      const collections = [resourcePath(kind), resourcePath(kind, object.metadata.namespace)];
      return collections.includes(path) && matches(object, query);
    });
    return { items, metadata: { resourceVersion: '1' } };
  }

  async text(request: KubeRequest): Promise<string> {
    this.onRequest(request);
    return this.log;
  }

  // biome-ignore lint/correctness/useYield: the CLI sends no watch
  async *stream({ path }: KubeRequest): AsyncIterable<string> {
    throw new Error(`no watch of ${path}`);
  }

  close(): void {}
}

const nextGeneration = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 },
});

/** What the API server adds to an object. */
const created = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    uid: 'new',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    resourceVersion: '1',
    ...object.metadata,
  },
});
