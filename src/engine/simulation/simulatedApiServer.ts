import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import { ApiError, type ApiErrorDetails } from '../kube/apiError.ts';
import { type KubeObject, keyOf, kindOf, type OwnerReference } from '../kube/kubeObject.ts';
import type { KubeRequest } from '../kube/transport.ts';
import { NotSimulated } from './notSimulated.ts';
import {
  applyFields,
  type Manager,
  managedFields,
  type Owned,
  updateFields,
  type Writer,
} from './ownership.ts';
import { type SimulatedKind, simulatedKind } from './schemas.ts';
import { matches, parseTarget, type Target } from './target.ts';
import { concerning, type Mutable, mergePatch, newObject, nextVersion } from './versions.ts';

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export type ChangeListener = (event: StoredEvent, kind: SimulatedKind) => void;

export interface SimulatedApiServerOptions {
  readonly clock: Clock;
  /** Delay of the garbage collector. */
  readonly collectAfterMs?: number;
}

const FOREGROUND = 'foregroundDeletion';
/** The default of a pod. */
const GRACE_SECONDS = 30;

/**
 * A kube-apiserver in virtual time. It covers what the contract suite compares with a real server: revisions, watch,
 * conflicts, finalizers, garbage collection, server-side apply. Anything else throws `NotSimulated`.
 */
export class SimulatedApiServer {
  readonly #options: SimulatedApiServerOptions;
  /** By kind's path, then by key. */
  readonly #objects = new Map<string, Map<string, Owned>>();
  readonly #events = new Map<string, StoredEvent[]>();
  readonly #pages = new Map<string, { readonly items: readonly KubeObject[]; readonly revision: number }>();
  readonly #listeners = new Set<ChangeListener>();
  #revision = 1;
  #compacted = 0;
  #lastUid = 0;
  #lastPage = 0;
  #willCollect = false;

  constructor(options: SimulatedApiServerOptions) {
    this.#options = options;
  }

  get revision(): number {
    return this.#revision;
  }

  get compacted(): number {
    return this.#compacted;
  }

  /** Drops the history up to now: watches and pages of older versions answer 410. */
  compact(): void {
    this.#compacted = this.#revision;
    for (const [kind, events] of this.#events)
      this.#events.set(
        kind,
        events.filter(({ revision }) => revision > this.#compacted),
      );
    this.#pages.clear();
  }

  /** Calls back after each change, until the returned function is called. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  eventsAfter({ kind, namespace }: Target, revision: number): StoredEvent[] {
    return (this.#events.get(storeOf(kind)) ?? []).filter(
      (event) => event.revision > revision && (!namespace || event.object.metadata.namespace === namespace),
    );
  }

  /** The stored objects of a kind, ordered by name. */
  select({ kind, namespace }: Target, query: KubeRequest['query'] = {}): KubeObject[] {
    return [...(this.#objects.get(storeOf(kind)) ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { object }]) => object)
      .filter((object) => !namespace || object.metadata.namespace === namespace)
      .filter((object) => matches(object, query));
  }

  /** Answers a request other than a watch. @throws ApiError, NotSimulated */
  handle(request: KubeRequest): unknown {
    const target = parseTarget(request.path);
    const { name } = target;
    switch (request.method) {
      case 'GET':
        return name ? this.#shown(this.#find(target, request), target) : this.#list(target, request);
      case 'POST':
        return this.#create(target, request);
      case 'PUT':
        return this.#update(target, request, request.body as KubeObject);
      case 'DELETE':
        return this.#delete(target, request);
      case 'PATCH':
        if (request.contentType === 'application/apply-patch+yaml') return this.#apply(target, request);
        if (request.contentType === 'application/merge-patch+json') {
          const { object } = this.#find(target, request);
          return this.#update(target, request, mergePatch(object, request.body) as KubeObject);
        }
        throw new NotSimulated(`a patch of type ${request.contentType}`);
    }
  }

  #list(target: Target, request: KubeRequest): unknown {
    const { limit, continue: token } = request.query ?? {};
    const page = token === undefined ? undefined : this.#pages.get(String(token));
    if (token !== undefined && !page)
      throw refuse(410, 'Expired', request, 'The provided continue parameter is too old');
    const all = page?.items ?? this.select(target, request.query);
    const revision = page?.revision ?? this.#revision;
    const size = limit === undefined ? all.length : Number(limit);
    const [items, rest] = [all.slice(0, size), all.slice(size)];
    const next = rest.length > 0 ? `page-${++this.#lastPage}` : undefined;
    if (next) this.#pages.set(next, { items: rest, revision });
    return {
      apiVersion: target.kind.kind.apiVersion,
      kind: `${target.kind.kind.kind}List`,
      metadata: { resourceVersion: String(revision), ...(next ? { continue: next } : {}) },
      items: items.map((object) => {
        const { apiVersion: _, kind: __, ...rest } = object;
        return rest;
      }),
    };
  }

  #create(target: Target, request: KubeRequest): KubeObject {
    const body = request.body as Mutable;
    const stored = { ...target, name: body.metadata.name };
    if (this.#get(stored)) {
      throw refuse(
        409,
        'AlreadyExists',
        request,
        `${target.kind.kind.plural} "${body.metadata.name}" already exists`,
      );
    }
    return this.#put(
      stored,
      updateFields(undefined, newObject(target, body, this.#identity()), writerOf(request), target.kind),
    );
  }

  #update(target: Target, request: KubeRequest, next: KubeObject): KubeObject {
    const live = this.#find(target, request);
    const { metadata } = live.object;
    const { resourceVersion, uid } = next.metadata;
    if (resourceVersion === undefined && !target.kind.blindUpdates)
      throw refuse(422, 'Invalid', request, 'metadata.resourceVersion: must be specified for an update');
    if (
      (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) ||
      (uid !== undefined && uid !== metadata.uid)
    ) {
      throw refuse(409, 'Conflict', request, 'the object has been modified; please apply your changes');
    }
    const merged = nextVersion(target, live.object, next);
    return this.#put(target, updateFields(live, merged, writerOf(request, target), target.kind), live);
  }

  #apply(target: Target, request: KubeRequest): KubeObject {
    const body = request.body as Mutable;
    const live = this.#get(target);
    if (!live && target.subresource)
      throw refuse(404, 'NotFound', request, `${target.kind.kind.plural} "${target.name}" not found`);
    const { resourceVersion, ...metadata } = body.metadata;
    if (live && resourceVersion !== undefined && resourceVersion !== live.object.metadata.resourceVersion)
      throw refuse(409, 'Conflict', request, 'the object has been modified; please apply your changes');
    const force = request.query?.force === true;
    const applied = concerning(target, { ...body, metadata } as KubeObject);
    const result = applyFields(live, applied, writerOf(request, target), force, target.kind);
    if ('conflicts' in result) {
      const causes = result.conflicts.map(({ manager, field }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${manager}"`,
        field,
      }));
      throw refuse(409, 'Conflict', request, `Apply failed with ${causes.length} conflicts`, { causes });
    }
    if (live) {
      const object = nextVersion(target, live.object, result.object);
      return this.#put(target, { ...result, object }, live);
    }
    return this.#put(target, {
      ...result,
      object: newObject(target, result.object as unknown as Mutable, this.#identity()),
    });
  }

  #delete(target: Target, request: KubeRequest): unknown {
    const live = this.#find(target, request);
    const { preconditions, propagationPolicy, gracePeriodSeconds } = (request.body ?? {}) as {
      preconditions?: { uid?: string; resourceVersion?: string };
      propagationPolicy?: string;
      gracePeriodSeconds?: number;
    };
    const { metadata } = live.object;
    for (const name of ['uid', 'resourceVersion'] as const) {
      const wanted = preconditions?.[name];
      if (wanted !== undefined && wanted !== metadata[name])
        throw refuse(409, 'Conflict', request, `Precondition failed: ${name}`);
    }
    if (propagationPolicy === 'Orphan') throw new NotSimulated('propagation Orphan');
    const isForeground = propagationPolicy === 'Foreground';
    const waits = target.kind.graceful === true && gracePeriodSeconds !== 0;
    if ((metadata.finalizers ?? []).length > 0 || isForeground || waits) {
      if (metadata.deletionTimestamp) return this.#shown(live, target);
      const object = structuredClone(live.object) as Mutable;
      object.metadata.deletionTimestamp = this.#timestamp();
      object.metadata.deletionGracePeriodSeconds = waits ? GRACE_SECONDS : 0;
      if (isForeground) object.metadata.finalizers = [...(metadata.finalizers ?? []), FOREGROUND];
      if (target.kind.counted) object.metadata.generation = Number(object.metadata.generation) + 1;
      return this.#put(target, { ...live, object }, live);
    }
    this.#remove(target, live);
    return {
      apiVersion: 'v1',
      kind: 'Status',
      status: 'Success',
      details: { name: target.name, uid: metadata.uid },
    };
  }

  /** Stores a version, unless it equals the stored one. */
  #put(target: Target, next: Owned, live?: Owned): KubeObject {
    const content = ({ object }: Owned) => {
      const { resourceVersion: _, ...metadata } = object.metadata;
      return { ...object, metadata };
    };
    if (live && isDeepStrictEqual([content(live), live.managers], [content(next), next.managers]))
      return this.#shown(live, target);
    const object = structuredClone(next.object) as Mutable;
    object.metadata.resourceVersion = String(++this.#revision);
    const owned: Owned = { object, managers: next.managers };
    const { deletionTimestamp, finalizers = [] } = object.metadata as KubeObject['metadata'];
    const isWaiting = target.kind.graceful && object.metadata.deletionGracePeriodSeconds !== 0;
    if (deletionTimestamp && finalizers.length === 0 && !isWaiting) {
      this.#remove(target, live ?? owned);
      return this.#shown(owned, target);
    }
    const objects = this.#objects.get(storeOf(target.kind)) ?? new Map<string, Owned>();
    this.#objects.set(storeOf(target.kind), objects.set(keyOf(object), owned));
    this.#record(target.kind, {
      type: live ? 'MODIFIED' : 'ADDED',
      revision: this.#revision,
      object,
      previous: live?.object,
    });
    this.#collect();
    return this.#shown(owned, target);
  }

  #remove(target: Target, { object }: Owned): void {
    this.#objects.get(storeOf(target.kind))?.delete(keyOf(object));
    const last = structuredClone(object) as Mutable;
    last.metadata.resourceVersion = String(++this.#revision);
    this.#record(target.kind, { type: 'DELETED', revision: this.#revision, object: last, previous: object });
    this.#collect();
  }

  #record(kind: SimulatedKind, event: StoredEvent): void {
    const events = this.#events.get(storeOf(kind)) ?? [];
    events.push(event);
    this.#events.set(storeOf(kind), events);
    for (const listener of [...this.#listeners]) listener(event, kind);
  }

  /** Deletes, after a delay, objects whose owners are all gone or wait for them. One run serves all changes before it. */
  #collect(): void {
    if (this.#willCollect) return;
    this.#willCollect = true;
    this.#options.clock.after(this.#options.collectAfterMs ?? 50, () => {
      this.#willCollect = false;
      const all = [...this.#objects.values()].flatMap((objects) => [...objects.values()]);
      const owners = ({ object }: Owned): readonly OwnerReference[] => object.metadata.ownerReferences ?? [];
      const waits = ({ object }: Owned) => object.metadata.finalizers?.includes(FOREGROUND) === true;
      const uids = new Set(all.filter((owned) => !waits(owned)).map(({ object }) => object.metadata.uid));
      for (const owned of all) {
        if (owners(owned).length === 0 || owners(owned).some(({ uid }) => uids.has(uid))) continue;
        if (!owned.object.metadata.deletionTimestamp)
          this.#delete(targetOf(owned.object), { method: 'DELETE', path: '(garbage collector)' });
      }
      for (const owned of all.filter(waits)) this.#release(owned);
    });
  }

  /** Ends a foreground deletion when no dependent blocks it any longer. */
  #release({ object: { metadata, ...rest } }: Owned): void {
    const target = targetOf({ metadata, ...rest } as KubeObject);
    const live = this.#get(target);
    const all = [...this.#objects.values()].flatMap((objects) => [...objects.values()]);
    const isBlocked = all.some(({ object }) =>
      object.metadata.ownerReferences?.some(
        (owner) => owner.uid === metadata.uid && owner.blockOwnerDeletion,
      ),
    );
    if (!live || live.object.metadata.uid !== metadata.uid || isBlocked) return;
    const object = structuredClone(live.object) as Mutable;
    object.metadata.finalizers = live.object.metadata.finalizers?.filter((name) => name !== FOREGROUND);
    this.#put(target, { ...live, object }, live);
  }

  #get({ kind, namespace, name }: Target): Owned | undefined {
    return this.#objects.get(storeOf(kind))?.get(namespace ? `${namespace}/${name}` : (name ?? ''));
  }

  #find(target: Target, request: KubeRequest): Owned {
    const found = this.#get(target);
    if (found) return found;
    throw refuse(404, 'NotFound', request, `${target.kind.kind.plural} "${target.name}" not found`);
  }

  #shown({ object, managers }: Owned, { kind }: Target): KubeObject {
    const shown = structuredClone(object) as Mutable;
    shown.metadata.managedFields = managedFields(managers as Manager[], kind.kind.apiVersion);
    return shown as KubeObject;
  }

  #identity() {
    return { uid: `uid-${++this.#lastUid}`, creationTimestamp: this.#timestamp() };
  }

  #timestamp(): string {
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

export const isWithin = ({ object }: StoredEvent, namespace: string | undefined): boolean =>
  !namespace || object.metadata.namespace === namespace;

function targetOf(object: KubeObject): Target {
  const { apiVersion, plural } = kindOf(object);
  const { namespace, name } = object.metadata;
  return { kind: simulatedKind(apiVersion, plural), namespace, name };
}

const storeOf = ({ kind }: SimulatedKind): string => `${kind.apiVersion}/${kind.plural}`;

const writerOf = ({ query }: KubeRequest, target?: Target): Writer => ({
  manager: String(query?.fieldManager ?? 'unknown'),
  subresource: target?.subresource,
});

export const refuse = (
  code: number,
  reason: string,
  { method, path }: Pick<KubeRequest, 'method' | 'path'>,
  message: string,
  details?: ApiErrorDetails,
): ApiError =>
  new ApiError(code, { reason, message, code, ...(details ? { details } : {}) }, `${method} ${path}`);
