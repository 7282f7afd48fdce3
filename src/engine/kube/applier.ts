import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import type { EventRecorder } from './eventRecorder.ts';
import { fieldOwners, lastWriterNear, type ManagedFields } from './fieldOwners.ts';
import { type KubeObject, keyOf, kindOf } from './kubeObject.ts';
import {
  appliedHashAnnotation,
  differences,
  hashOf,
  serversDifferences,
  withAppliedHash,
  withLiveAt,
} from './ownFields.ts';
import { Refusals } from './refusals.ts';
import { isUnmendable, type Replaced, replace } from './replacement.ts';

export interface ApplierOptions {
  readonly client: KubeClient;
  readonly fieldManager: string;
  /** Domain of the annotations that the applier writes, such as `example.com`. */
  readonly annotationPrefix: string;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

export interface EnsureRequest {
  readonly desired: KubeObject;
  /** The object in the cache; undefined if it does not exist. */
  readonly live: KubeObject | undefined;
  /** Whether we may change the live object. */
  readonly controlled: (live: KubeObject) => boolean;
  /**
   * Whether the live object may be deleted and made again if it can be mended in no other way. Never for an object that
   * holds data.
   */
  readonly mayRecreate?: boolean;
  /** The subject of events, usually the resource that the object belongs to. */
  readonly subject: KubeObject;
}

export type EnsureResult =
  | { readonly outcome: 'unchanged' | 'written'; readonly object: KubeObject }
  /** The object is going; ensure it again once it is gone. */
  | { readonly outcome: 'deleted'; readonly object: KubeObject }
  /** Others keep changing some fields, which we leave alone; `contested` says which, and who. All others are ours. */
  | { readonly outcome: 'contested'; readonly object: KubeObject; readonly contested: string };

/** A field reclaimed more often than this within an hour is left alone: another controller insists on its value. */
const MOST_RECLAIMS_PER_HOUR = 5;
const HOUR_MS = 3_600_000;

/** What of an object differs from its manifest. */
interface Drift {
  /** Fields that others changed, and that we set back. */
  readonly reclaimed: readonly string[];
  /** Fields that others keep changing. */
  readonly contested: readonly string[];
  readonly isSettled: boolean;
}

/** Applies manifests. It writes only if a field of ours differs. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #hashAnnotation: string;
  readonly #reclaims = new Map<string, number[]>();
  readonly #refusals: Refusals;
  /** Fields in which the API server itself makes an object differ, by the key of the object. */
  readonly #servers = new Map<string, readonly string[]>();
  /** Cached objects that were found as their manifest wants them, with a hash of its text: most passes change nothing. */
  readonly #settled = new WeakMap<KubeObject, string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#hashAnnotation = appliedHashAnnotation(options.annotationPrefix);
    this.#refusals = new Refusals(options.clock);
  }

  /**
   * Sends nothing while the API server has refused the same request a moment ago.
   *
   * @throws CodedError `NotControlled` when an object of that name is not ours; ApiError
   */
  async ensure(request: EnsureRequest, signal: AbortSignal): Promise<EnsureResult> {
    // Caches hold only objects with our labels, so another object may have the name.
    const live = request.live ?? (await this.#existing(request.desired, signal));
    if (live && !request.controlled(live)) throw notControlled(live, request.subject);
    const manifest = hash('sha1', JSON.stringify(request.desired));
    if (live && this.#settled.get(live) === manifest) return { outcome: 'unchanged', object: live };
    const desired = withAppliedHash(request.desired, this.#hashAnnotation);
    const { reclaimed, contested, isSettled } = this.#driftOf(request.desired, desired, live);
    if (live && isSettled) {
      if (contested.length === 0) {
        if (Object.isFrozen(live)) this.#settled.set(live, manifest);
        return { outcome: 'unchanged', object: live };
      }
      return { outcome: 'contested', object: live, contested: await this.#changes(live, contested, signal) };
    }
    // The contested fields keep what others want, and must not keep the rest from being repaired.
    const target = contested.length === 0 ? desired : (withLiveAt(desired, live, contested) as KubeObject);
    const changes = live && reclaimed.length > 0 ? await this.#changes(live, reclaimed, signal) : '';
    const stateOf = () => hashOf([target, live && contentOf(live)]);
    const { how, object } = await this.#refusals.guard(objectId(target), stateOf, () =>
      this.#write(target, live, request, signal),
    );
    // Only a successful write counts: a failed attempt reclaimed nothing.
    this.#noteReclaims(object, reclaimed);
    if (how !== 'deleted') this.#noteRest(target, object);
    this.#tell(request.subject, object, how, changes);
    if (how === 'deleted') return { outcome: 'deleted', object };
    if (contested.length === 0) return { outcome: 'written', object };
    return { outcome: 'contested', object, contested: await this.#changes(object, contested, signal) };
  }

  #driftOf(manifest: KubeObject, desired: KubeObject, live: KubeObject | undefined): Drift {
    if (!live) return { reclaimed: [], contested: [], isSettled: false };
    const known = this.#servers.get(objectId(live)) ?? [];
    const changed = differences(manifest, live).filter((path) => !known.includes(path));
    const hashIn = ({ metadata }: KubeObject) => metadata.annotations?.[this.#hashAnnotation];
    // If the manifest is another one than before, we have changed it, and nobody the object.
    if (hashIn(desired) !== hashIn(live)) return { reclaimed: [], contested: [], isSettled: false };
    const contested = changed.filter((path) => this.#isContested(live, path));
    const reclaimed = changed.filter((path) => !contested.includes(path));
    return { reclaimed, contested, isSettled: reclaimed.length === 0 };
  }

  async #write(
    desired: KubeObject,
    live: KubeObject | undefined,
    { controlled, mayRecreate = false }: EnsureRequest,
    signal: AbortSignal,
  ): Promise<Replaced | { readonly how: 'applied'; readonly object: KubeObject }> {
    const { client, fieldManager } = this.#options;
    try {
      const object = await client.apply<KubeObject>(desired, { fieldManager, force: true }, signal);
      return { how: 'applied', object };
    } catch (error) {
      if (!live || !isUnmendable(error)) throw error;
      return replace({ desired, controlled, mayRecreate }, error, this.#options, signal);
    }
  }

  async #existing({ metadata, ...object }: KubeObject, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { client } = this.#options;
    return client
      .get(kindOf(object as KubeObject), metadata.namespace, metadata.name, signal)
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  }

  #tell(subject: KubeObject, object: KubeObject, how: 'applied' | Replaced['how'], changes: string): void {
    const { recorder } = this.#options;
    const what = `${object.kind} ${object.metadata.name}`;
    const why = changes || 'it cannot be changed into what the operator wants';
    if (how === 'deleted')
      recorder.record(subject, {
        type: 'Warning',
        reason: 'Recreating',
        message: `${what}: ${why}; deleted, to make it again`,
      });
    else if (changes)
      recorder.record(subject, {
        type: 'Warning',
        reason: 'FieldReclaimed',
        message: `${what}: ${changes}, set back${how === 'replaced' ? ' by a replacement, because the change excludes what the operator wants' : ''}`,
      });
  }

  #isContested(live: KubeObject, path: string): boolean {
    return this.#recentReclaims(live, path).length >= MOST_RECLAIMS_PER_HOUR;
  }

  #noteReclaims(object: KubeObject, paths: readonly string[]): void {
    const now = this.#options.clock.monotonic();
    for (const path of paths)
      this.#reclaims.set(fieldKey(object, path), [...this.#recentReclaims(object, path), now]);
  }

  /**
   * What still differs right after a write, the API server wants so. A field that it adds or leaves
   * out, such as a default, is no difference from now on. A value that it changes, such as by an admission webhook, is contested at once.
   */
  #noteRest(target: KubeObject, object: KubeObject): void {
    const servers = serversDifferences(target, object);
    if (servers.length > 0) this.#servers.set(objectId(object), servers);
    else this.#servers.delete(objectId(object));
    const changed = differences(target, object).filter((path) => !servers.includes(path));
    const now = this.#options.clock.monotonic();
    for (const path of changed)
      this.#reclaims.set(fieldKey(object, path), Array(MOST_RECLAIMS_PER_HOUR).fill(now));
  }

  #recentReclaims(object: KubeObject, path: string): number[] {
    const now = this.#options.clock.monotonic();
    return (this.#reclaims.get(fieldKey(object, path)) ?? []).filter((at) => now - at < HOUR_MS);
  }

  /** Which fields changed, and by which manager. The cache drops managedFields, so this asks the API server. */
  async #changes(live: KubeObject, paths: readonly string[], signal: AbortSignal): Promise<string> {
    const { client, fieldManager } = this.#options;
    const fresh = await client
      .get(kindOf(live), live.metadata.namespace, live.metadata.name, signal)
      .catch(() => undefined);
    const all = (fresh?.metadata.managedFields ?? []) as readonly ManagedFields[];
    const others = all.filter(({ manager, subresource }) => manager !== fieldManager || subresource);
    const byOwner = new Map<string, string[]>();
    for (const path of paths) {
      // A field that was removed has no owner left.
      const near = () => lastWriterNear(others, path);
      const owner = fieldOwners(others, path).join(' and ') || (near() ? `${near()}, probably` : 'somebody');
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), path]);
    }
    return [...byOwner].map(([owner, owned]) => `${owned.join(', ')} changed by ${owner}`).join('; ');
  }
}

const objectId = (object: KubeObject): string => `${object.kind}/${keyOf(object)}`;
const fieldKey = (object: KubeObject, path: string): string => `${objectId(object)}/${path}`;

/** What an answer depends on: not the status, which changes often. */
const contentOf = ({ status: _, metadata, ...content }: KubeObject): unknown => {
  const { resourceVersion: __, managedFields: ___, ...rest } = metadata;
  return [rest, content];
};

/** Never advises to delete the other object: it may hold somebody's data. */
const notControlled = (live: KubeObject, { kind, metadata: { name } }: KubeObject): CodedError => {
  const owner = live.metadata.ownerReferences?.find(({ controller }) => controller);
  const whose = owner ? `belongs to ${owner.kind} ${owner.name}` : `is not part of ${kind} ${name}`;
  return new CodedError(
    'NotControlled',
    `${live.kind} ${live.metadata.name} exists and ${whose}; create ${kind} ${name} under another name`,
  );
};
