import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../base/silentLogger.ts';
import type { Source } from './controller/sources.ts';
import { isNotFound } from './kube/apiError.ts';
import type { Applier, EnsureResult } from './kube/applier.ts';
import type { KubeClient } from './kube/client.ts';
import type { EventText } from './kube/eventCorrelator.ts';
import type { EventRecorder } from './kube/eventRecorder.ts';
import {
  type KubeObject,
  keyOf,
  kindOf,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  type ResourceKind,
} from './kube/kubeObject.ts';
import type { ObjectCache } from './kube/objectCache.ts';

/** What a resource shall own. Namespace and owner are filled in. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'labels' | 'annotations' | 'finalizers'> & {
    /** Only for the children of a resource that has no namespace. */
    readonly namespace?: string;
  };
  readonly [field: string]: unknown;
}

export interface ResourceOptions<T extends KubeObject> {
  readonly object: T;
  readonly kind: ResourceKind;
  readonly source: Source<T>;
  /** By apiVersion and kind, each. */
  readonly owned: ReadonlyMap<string, Source<KubeObject>>;
  readonly watched: ReadonlyMap<string, Source<KubeObject>>;
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  readonly fieldManager: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The owner that controls an object. */
export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller);

/** An index by the UID of the owner that controls an object. */
export const BY_OWNER = (object: KubeObject): readonly string[] => {
  const owner = controllerOf(object);
  return owner ? [owner.uid] : [];
};

/**
 * An object in a reconcile, and what the reconcile may do about it. All requests end when the signal of the reconcile fires.
 * Errors of requests are ApiError and TransportError: let them through, and the reconcile is called again.
 */
export class Resource<T extends KubeObject> {
  /** `namespace/name` */
  readonly key: string;
  /** For requests of your own. */
  readonly client: KubeClient;
  /** Its lines carry the controller, the key and the id of this reconcile. */
  readonly logger: Logger;
  readonly #options: ResourceOptions<T>;
  #object: T;

  constructor(options: ResourceOptions<T>) {
    this.#options = options;
    this.#object = options.object;
    this.key = keyOf(options.object);
    this.client = options.client;
    this.logger = options.logger;
  }

  /** The object as it was last seen. Frozen. */
  get object(): T {
    return this.#object;
  }

  /** The objects of a kind that this one owns, from the cache: your own writes are in it. */
  owned<C extends KubeObject>(kind: ResourceKind): readonly C[] {
    return this.#sourceOf(kind).cache.byIndex(
      'owner',
      this.#object.metadata.uid ?? '',
    ) as unknown as readonly C[];
  }

  /** All objects of a kind that the controller watches. */
  watched<W extends KubeObject>({ apiVersion, kind }: ResourceKind): ObjectCache<W> {
    const source = this.#options.watched.get(`${apiVersion}/${kind}`);
    if (source) return source.cache as unknown as ObjectCache<W>;
    throw new TypeError(`the controller does not watch ${kind}; add .watches(…) of it before .reconcile(…)`);
  }

  /**
   * Makes an object that this one owns, or sets it right: it writes only if a field of the manifest differs.
   *
   * @throws CodedError `NotControlled` when there is an object of that name that this one does not own
   */
  async ensure(manifest: Manifest): Promise<EnsureResult> {
    const { applier, signal } = this.#options;
    const kind = kindOf(manifest);
    const { cache } = this.#sourceOf(kind);
    const { uid } = this.#object.metadata;
    const desired = this.#childOf(manifest, kind);
    const result = await applier.ensure(
      {
        desired,
        live: cache.get(objectKey(desired.metadata.namespace, desired.metadata.name)),
        controlled: (live) => controllerOf(live)?.uid === uid,
        subject: this.#object,
      },
      signal,
    );
    if (result.outcome === 'written') cache.observeWrite(result.object);
    return result;
  }

  /** Deletes an object that this one owns. It may be gone already. */
  async remove(child: KubeObject): Promise<void> {
    const { client, signal } = this.#options;
    const kind = kindOf(child);
    const { namespace, name, uid } = child.metadata;
    await client.delete(kind, namespace, name, { uid }, signal).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    this.#sourceOf(kind).cache.observeDelete(child);
  }

  /** Makes this the status of the object, unless it is so. What an earlier status had, and this one has not, is removed. */
  async writeStatus(status: object): Promise<void> {
    const { client, fieldManager, signal, source } = this.#options;
    if (isDeepStrictEqual(this.#object.status, status)) return;
    const { apiVersion, kind, metadata } = this.#object;
    const { name, namespace } = metadata;
    const written = await client.apply<T>(
      { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) }, status },
      { fieldManager, force: true, subresource: 'status' },
      signal,
    );
    this.#took(written, source);
  }

  /** Records an event of the object. It neither waits nor fails. */
  event(type: EventText['type'], reason: string, message: string): void {
    this.#options.recorder.record(this.#object, { type, reason, message });
  }

  /** @throws ApiError `Conflict` when somebody else was faster; the reconcile is called again */
  async addFinalizer(name: string): Promise<void> {
    const { finalizers = [] } = this.#object.metadata;
    if (finalizers.includes(name)) return;
    this.#took(await this.#writeFinalizers([...finalizers, name]), this.#options.source);
  }

  /** As `addFinalizer`. */
  async removeFinalizer(name: string): Promise<void> {
    const { finalizers = [] } = this.#object.metadata;
    await this.#writeFinalizers(finalizers.filter((other) => other !== name));
  }

  #writeFinalizers(finalizers: readonly string[]): Promise<T> {
    const { client, kind, fieldManager, signal } = this.#options;
    const { name, namespace, resourceVersion } = this.#object.metadata;
    // The version makes it a compare-and-swap: the list is replaced as a whole.
    const patch = { metadata: { resourceVersion, finalizers } };
    return client.mergePatch<T>(kind, { namespace, name, fieldManager }, patch, signal);
  }

  #took(written: T, source: Source<T>): void {
    source.cache.observeWrite(written);
    this.#object = written;
  }

  #sourceOf({ apiVersion, kind }: ResourceKind): Source<KubeObject> {
    const source = this.#options.owned.get(`${apiVersion}/${kind}`);
    if (source) return source;
    throw new TypeError(`the controller does not own ${kind}; add .owns(…) of it before .reconcile(…)`);
  }

  #childOf(manifest: Manifest, kind: ResourceKind): KubeObject {
    const { apiVersion, kind: ownerKind, metadata } = this.#object;
    const { name, uid = '' } = metadata;
    const owner = { apiVersion, kind: ownerKind, name, uid, controller: true, blockOwnerDeletion: true };
    const namespace = metadata.namespace ?? manifest.metadata.namespace;
    return {
      ...manifest,
      metadata: {
        ...manifest.metadata,
        ...(kind.namespaced && namespace ? { namespace } : {}),
        ownerReferences: [owner],
      },
    };
  }
}
