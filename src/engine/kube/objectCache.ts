import { deepFreeze } from '../../base/deepFreeze.ts';
import { type KubeObject, keyOf, splitKey } from './kubeObject.ts';

/** The values under which an index finds an object. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

export interface CacheChange<T extends KubeObject> {
  readonly type: 'Added' | 'Modified' | 'Deleted';
  readonly object: T;
  /** The object before the change, if there was one. */
  readonly previous: T | undefined;
  /** The watch shows a write of ours: `previous` has it already, and listeners have not heard of it. */
  readonly isOwn?: true;
}

/** A write of ours that the watch has not shown yet. */
interface OwnWrite {
  readonly uid: string | undefined;
  /** Absent for a deletion. */
  readonly resourceVersion: string | undefined;
}

/**
 * The objects that a watch has shown, with indexes. Objects are frozen. The answer of a write counts too
 * (`observeWrite`), so that a reconcile right after the write does not act on old state.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<
    string,
    { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }
  >();
  readonly #ownWrites = new Map<string, OwnWrite>();
  /** The resource version that the watch of each namespace has reached; `''` stands for all namespaces. */
  readonly #caughtUp = new Map<string, string>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.addIndexes(indexes);
  }

  /** @throws if the name belongs to an index with another function */
  addIndexes(indexes: Readonly<Record<string, IndexFunction<T>>>): void {
    for (const [name, of] of Object.entries(indexes)) {
      const known = this.#indexes.get(name);
      if (known && known.of !== of) throw new Error(`index ${name} already exists with another function`);
      if (known) continue;
      this.#indexes.set(name, { of, keys: new Map() });
      for (const [key, object] of this.#objects) this.#reindex(name, key, undefined, object);
    }
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (!found) throw new Error(`no index ${index}`);
    return [...(found.keys.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /**
   * Takes in an object of a watch event or a list. Returns the change, or undefined if the object is older than the
   * cached one. A list counts even if it is older, because a restored server counts anew; only a write of ours that
   * the list cannot contain yet stays.
   */
  store(object: T, from: 'watch' | 'list' = 'watch'): CacheChange<T> | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    const own = this.#ownWrites.get(key);
    if (own && isBefore(object, own)) return undefined;
    // The watch shows our own write. Listeners hear of it only now.
    if (own) this.#ownWrites.delete(key);
    if (previous && !own && isSame(object, previous)) return undefined;
    if (previous && from === 'watch' && isOlder(object, previous)) return undefined;
    const type = previous ? 'Modified' : 'Added';
    return { type, object: this.#put(key, object), previous, ...(own ? { isOwn: true } : {}) };
  }

  /** Takes in a deletion. The deletion of a predecessor with another UID changes nothing. */
  remove(object: T): CacheChange<T> | undefined {
    const key = keyOf(object);
    const own = this.#ownWrites.get(key);
    const previous = this.#objects.get(key);
    if (own && own.uid === object.metadata.uid) {
      this.#ownWrites.delete(key);
      if (!previous) return { type: 'Deleted', object, previous: undefined };
    }
    if (!previous || previous.metadata.uid !== object.metadata.uid) return undefined;
    this.#drop(key, previous);
    return { type: 'Deleted', object: previous, previous };
  }

  /** Takes in the answer of a write, which counts until the watch has caught up. */
  observeWrite(object: T): void {
    const key = keyOf(object);
    const { uid, resourceVersion, namespace = '' } = object.metadata;
    const seen = this.#caughtUp.get(namespace) ?? this.#caughtUp.get('');
    // The watch was faster than the answer. The object may even be gone again, and the watch would not repeat that.
    if (seen !== undefined && resourceVersion !== undefined && compare(resourceVersion, seen) <= 0) return;
    this.#ownWrites.set(key, { uid, resourceVersion });
    this.#put(key, object);
  }

  /** Takes in a deletion of ours: the object is gone, though the watch still shows it. */
  observeDelete(object: T): void {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (!previous || previous.metadata.uid !== object.metadata.uid) return;
    this.#ownWrites.set(key, { uid: object.metadata.uid, resourceVersion: undefined });
    this.#drop(key, previous);
  }

  /** The watch of a namespace (without one: of everything) has shown every change up to this version. */
  caughtUp(resourceVersion: string, namespace = ''): void {
    this.#caughtUp.set(namespace, resourceVersion);
  }

  /** Drops the objects that a complete list of one namespace (without one: of everything) no longer contains. */
  retain(present: ReadonlySet<string>, listVersion: string, namespace?: string): CacheChange<T>[] {
    this.caughtUp(listVersion, namespace);
    const listed = (key: string) => namespace === undefined || key.startsWith(`${namespace}/`);
    for (const [key, own] of this.#ownWrites) {
      const later = own.resourceVersion !== undefined && compare(own.resourceVersion, listVersion) > 0;
      // A deletion of ours that this list does not reflect yet counts until the next list.
      const unseenDeletion = own.resourceVersion === undefined && present.has(key);
      if (listed(key) && !later && !unseenDeletion) this.#ownWrites.delete(key);
    }
    return [...this.#objects].flatMap(([key, object]) => {
      if (!listed(key) || present.has(key) || this.#ownWrites.has(key)) return [];
      this.#drop(key, object);
      return { type: 'Deleted' as const, object, previous: object };
    });
  }

  /** Drops the objects of namespaces that are no longer watched, without an event: the objects may still exist. */
  forget(isForgotten: (namespace: string) => boolean): void {
    const within = (key: string) => isForgotten(splitKey(key).namespace);
    for (const key of [...this.#ownWrites.keys()].filter(within)) this.#ownWrites.delete(key);
    for (const [key, object] of [...this.#objects].filter(([key]) => within(key))) this.#drop(key, object);
    for (const namespace of [...this.#caughtUp.keys()])
      if (namespace !== '' && isForgotten(namespace)) this.#caughtUp.delete(namespace);
  }

  #put(key: string, object: T): T {
    const previous = this.#objects.get(key);
    const frozen = deepFreeze(object);
    this.#objects.set(key, frozen);
    for (const name of this.#indexes.keys()) this.#reindex(name, key, previous, frozen);
    return frozen;
  }

  #drop(key: string, previous: T): void {
    this.#objects.delete(key);
    for (const name of this.#indexes.keys()) this.#reindex(name, key, previous, undefined);
  }

  #reindex(name: string, key: string, previous: T | undefined, next: T | undefined): void {
    const index = this.#indexes.get(name);
    if (!index) return;
    for (const value of previous ? index.of(previous) : []) {
      const members = index.keys.get(value);
      members?.delete(key);
      if (members?.size === 0) index.keys.delete(value);
    }
    for (const value of next ? index.of(next) : []) {
      const members = index.keys.get(value) ?? new Set();
      index.keys.set(value, members.add(key));
    }
  }
}

/** Resource versions are numbers that grow over all objects of a kind, in every server this project supports. */
const compare = (a: string, b: string): number => {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
};

export const isOlderVersion = (a: string, b: string): boolean => compare(a, b) < 0;

const isSame = ({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean =>
  a.uid === b.uid && a.resourceVersion === b.resourceVersion;

/** Also for another UID: the last events of a predecessor may arrive after our own creation. */
const isOlder = ({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean =>
  a.resourceVersion !== undefined &&
  b.resourceVersion !== undefined &&
  compare(a.resourceVersion, b.resourceVersion) < 0;

/** Whether an event of an object is older than our last write to it. */
function isBefore({ metadata }: KubeObject, own: OwnWrite): boolean {
  if (own.resourceVersion === undefined) return metadata.uid === own.uid;
  return metadata.resourceVersion !== undefined && compare(metadata.resourceVersion, own.resourceVersion) < 0;
}
