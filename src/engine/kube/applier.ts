import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import type { EventRecorder } from './eventRecorder.ts';
import { fieldOwners, type ManagedFields } from './fieldOwners.ts';
import { type KubeObject, keyOf, kindOf } from './kubeObject.ts';
import { appliedHashAnnotation, differences, withAppliedHash } from './ownFields.ts';

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
  /** The subject of events, usually the resource that the object belongs to. */
  readonly subject: KubeObject;
}

export type EnsureResult =
  | { readonly outcome: 'unchanged' | 'contested'; readonly object: KubeObject }
  | { readonly outcome: 'written'; readonly object: KubeObject };

/** A field reclaimed more often than this within an hour is left alone: another controller insists on its value. */
const MOST_RECLAIMS_PER_HOUR = 5;
const HOUR_MS = 3_600_000;

/** Applies manifests. It writes only if a field of ours differs. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #hashAnnotation: string;
  readonly #reclaims = new Map<string, number[]>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#hashAnnotation = appliedHashAnnotation(options.annotationPrefix);
  }

  /** @throws CodedError `NotControlled` when an object of that name is not ours; ApiError */
  async ensure(request: EnsureRequest, signal: AbortSignal): Promise<EnsureResult> {
    const { subject } = request;
    // Caches hold only objects with our labels, so another object may have the name.
    const live = request.live ?? (await this.#existing(request.desired, signal));
    const { client, fieldManager, recorder } = this.#options;
    const desired = withAppliedHash(request.desired, this.#hashAnnotation);
    let reclaimed: readonly string[] = [];
    if (live) {
      if (!request.controlled(live)) {
        throw new CodedError(
          'NotControlled',
          `${live.kind} ${live.metadata.name} exists and is not part of ${subject.kind} ${subject.metadata.name}; delete it, or give ${subject.kind} ${subject.metadata.name} another name`,
        );
      }
      const changed = differences(request.desired, live);
      const hashIn = ({ metadata }: KubeObject) => metadata.annotations?.[this.#hashAnnotation];
      const intended = hashIn(desired) === hashIn(live);
      if (intended && changed.length === 0) return { outcome: 'unchanged', object: live };
      // The manifest is the same as before, so another manager has changed the object.
      if (intended) reclaimed = changed;
      if (this.#isContested(live, reclaimed)) return { outcome: 'contested', object: live };
    }
    const changes = live && reclaimed.length > 0 && (await this.#changes(live, reclaimed, signal));
    const object = await client.apply(desired, { fieldManager, force: true }, signal);
    // Only a successful write counts: a failed attempt reclaimed nothing.
    this.#noteReclaims(object, reclaimed);
    if (changes) {
      const message = `${object.kind} ${object.metadata.name}: ${changes}, set back`;
      recorder.record(subject, { type: 'Warning', reason: 'FieldReclaimed', message });
    }
    return { outcome: 'written', object };
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

  #isContested(live: KubeObject, paths: readonly string[]): boolean {
    return paths.some((path) => this.#recentReclaims(live, path).length >= MOST_RECLAIMS_PER_HOUR);
  }

  #noteReclaims(object: KubeObject, paths: readonly string[]): void {
    const now = this.#options.clock.monotonic();
    for (const path of paths)
      this.#reclaims.set(fieldKey(object, path), [...this.#recentReclaims(object, path), now]);
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
    const managed = (fresh?.metadata.managedFields ?? []) as readonly ManagedFields[];
    const byOwner = new Map<string, string[]>();
    for (const path of paths) {
      const owners = fieldOwners(managed, path).filter((manager) => manager !== fieldManager);
      // A field that was removed has no owner left.
      const owner = owners.join(' and ') || 'somebody';
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), path]);
    }
    return [...byOwner].map(([owner, owned]) => `${owned.join(', ')} changed by ${owner}`).join('; ');
  }
}

const fieldKey = (object: KubeObject, path: string): string => `${object.kind}/${keyOf(object)}/${path}`;
