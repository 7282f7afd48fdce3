import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/silentLogger.ts';
import { Controller, type ReconcileResult } from './controller/controller.ts';
import type { ControllerMetrics } from './controller/metrics.ts';
import type { Shards } from './controller/shards.ts';
import type { Source, Sources } from './controller/sources.ts';
import type { Applier } from './kube/applier.ts';
import type { KubeClient } from './kube/client.ts';
import type { EventRecorder } from './kube/eventRecorder.ts';
import { type KubeObject, keyOf, objectKey, type ResourceKind, registerKind } from './kube/kubeObject.ts';
import { BY_OWNER, controllerOf, Resource } from './resource.ts';

export interface ControllerSettings {
  /** Of log lines and metrics; default: the kind in lower case. */
  readonly name?: string;
  /** Reconciles at a time; default 4. Never two of one object. */
  readonly workers?: number;
  /** Default 120,000. */
  readonly reconcileTimeoutMs?: number;
  /** Only objects with these labels, such as `app=shop`; default: all of the kind. */
  readonly labelSelector?: string;
}

/** What a manager lends its controllers. */
export interface ControllerParts {
  readonly client: KubeClient;
  readonly sources: Sources;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly fieldManager: string;
  readonly shards: Shards | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * Brings one object a step closer to what it wants. Called after each change of the object and of what it owns, and at the
 * start. Re-entrant. It throws to be called again, later each time; a `TerminalError` waits for the next change.
 */
export type ReconcileResource<T extends KubeObject> = (
  resource: Resource<T>,
  signal: AbortSignal,
) => Promise<ReconcileResult>;

/** Removes what an object has made outside of the cluster. Called until it returns. */
export type CleanUp<T extends KubeObject> = (resource: Resource<T>, signal: AbortSignal) => Promise<void>;

/** Describes a controller step by step. `reconcile` is the last. */
export class ControllerBuilder<T extends KubeObject> {
  readonly #parts: ControllerParts;
  readonly #kind: ResourceKind;
  readonly #settings: ControllerSettings;
  readonly #onBuilt: (controller: Controller) => void;
  readonly #resources: Source<T>;
  readonly #owned = new Map<string, Source<KubeObject>>();
  readonly #watched = new Map<string, Source<KubeObject>>();
  /** Connect a watch to the queue, once there is one. */
  readonly #wires: ((enqueue: (key: string, reason: string) => void) => void)[] = [];
  #finalizer: { readonly name: string; readonly cleanUp: CleanUp<T> } | undefined;

  constructor(
    parts: ControllerParts,
    kind: ResourceKind,
    settings: ControllerSettings,
    onBuilt: (controller: Controller) => void,
  ) {
    const { labelSelector } = settings;
    this.#parts = parts;
    this.#kind = registerKind(kind);
    this.#settings = settings;
    this.#onBuilt = onBuilt;
    this.#resources = parts.sources.watch<T>({ kind, ...(labelSelector ? { labelSelector } : {}) });
  }

  /** Objects of this kind that the reconcile makes: a change of one calls its owner. */
  owns(kind: ResourceKind, options: { readonly labelSelector?: string } = {}): this {
    const source = this.#parts.sources.watch({
      kind: registerKind(kind),
      indexes: { owner: BY_OWNER },
      ...options,
    });
    this.#owned.set(`${kind.apiVersion}/${kind.kind}`, source);
    this.#wires.push((enqueue) =>
      source.onChange(({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind !== this.#kind.kind || owner.apiVersion !== this.#kind.apiVersion) return;
        const namespace = this.#kind.namespaced ? object.metadata.namespace : undefined;
        enqueue(objectKey(namespace, owner.name), `${kind.kind} ${object.metadata.name} changed`);
      }),
    );
    return this;
  }

  /**
   * Objects of this kind that a reconcile reads, with `resource.watched`. A change of one calls the objects whose keys
   * (`namespace/name`) `keysOf` gives; it gets all objects of the controller. With `everyShard`, the objects of namespaces on which
   * other replicas work are there too.
   */
  watches<W extends KubeObject>(
    kind: ResourceKind,
    keysOf: (object: W, resources: readonly T[]) => readonly string[],
    options: { readonly labelSelector?: string; readonly everyShard?: boolean } = {},
  ): this {
    const source = this.#parts.sources.watch<W>({ kind: registerKind(kind), ...options });
    this.#watched.set(`${kind.apiVersion}/${kind.kind}`, source as unknown as Source<KubeObject>);
    this.#wires.push((enqueue) =>
      source.onChange(({ object }) => {
        const reason = `${kind.kind} ${object.metadata.name} changed`;
        for (const key of keysOf(object, this.#resources.cache.list())) enqueue(key, reason);
      }),
    );
    return this;
  }

  /**
   * Keeps each object until `cleanUp` has returned. `name` is a domain and a path, such as `shop.example.com/clean-up`.
   */
  finalizer(name: string, cleanUp: CleanUp<T>): this {
    this.#finalizer = { name, cleanUp };
    return this;
  }

  /** Completes the controller, which works when the manager runs. An object that is being deleted is not reconciled. */
  reconcile(reconcile: ReconcileResource<T>): Controller {
    const { sources: _, ...parts } = this.#parts;
    const { name = this.#kind.kind.toLowerCase(), workers, reconcileTimeoutMs } = this.#settings;
    const controller = new Controller({
      ...parts,
      name,
      ...(workers === undefined ? {} : { workers }),
      ...(reconcileTimeoutMs === undefined ? {} : { reconcileTimeoutMs }),
      known: () => this.#resources.cache.keys(),
      reconcile: async (key, signal, logger) => {
        const object = this.#resources.cache.get(key);
        if (!object) return {};
        const resource = new Resource<T>({
          ...parts,
          logger,
          object,
          kind: this.#kind,
          source: this.#resources,
          owned: this.#owned,
          watched: this.#watched,
          signal,
        });
        if (this.#finalizer) {
          const { name: finalizer, cleanUp } = this.#finalizer;
          if (object.metadata.deletionTimestamp) {
            if (!object.metadata.finalizers?.includes(finalizer)) return {};
            await cleanUp(resource, signal);
            await resource.removeFinalizer(finalizer);
            return {};
          }
          await resource.addFinalizer(finalizer);
        }
        return object.metadata.deletionTimestamp ? {} : reconcile(resource, signal);
      },
    });
    const enqueue = (key: string, reason: string) => controller.queue.add(key, 'change', reason);
    this.#resources.onChange(({ object, type }) =>
      enqueue(keyOf(object), `${this.#kind.kind} ${type.toLowerCase()}`),
    );
    for (const wire of this.#wires) wire(enqueue);
    this.#onBuilt(controller);
    return controller;
  }
}
