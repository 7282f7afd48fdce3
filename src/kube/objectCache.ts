import { type KubeObject, keyOf } from './kubeObject.ts';

/** Values under which an object is found again. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

export interface CacheChange<T extends KubeObject> {
  readonly type: 'Added' | 'Modified' | 'Deleted';
  readonly object: T;
  /** What stood there before, where something did. */
  readonly previous: T | undefined;
}

/**
 * What a watch has seen, with indexes. Objects in it are frozen. A write's own answer counts as seen
 * (`observeWrite`), so that a reconcile right after it does not act on the past.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<
    string,
    { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }
  >();
  /** UIDs that we deleted while the watch may still report them as alive. */
  readonly #deleted = new Set<string>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    for (const [name, of] of Object.entries(indexes)) this.#indexes.set(name, { of, keys: new Map() });
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

  /** Takes in a watch event's object. Returns what changed, or nothing for an event from the past. */
  store(object: T): CacheChange<T> | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (object.metadata.uid && this.#deleted.has(object.metadata.uid)) return undefined;
    if (previous && isOlder(object, previous)) return undefined;
    const frozen = deepFreeze(object);
    this.#objects.set(key, frozen);
    this.#reindex(key, previous, frozen);
    return { type: previous ? 'Modified' : 'Added', object: frozen, previous };
  }

  /** Takes in a deletion. One of a predecessor with another UID changes nothing. */
  remove(object: T): CacheChange<T> | undefined {
    if (object.metadata.uid) this.#deleted.delete(object.metadata.uid);
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (!previous || previous.metadata.uid !== object.metadata.uid) return undefined;
    this.#objects.delete(key);
    this.#reindex(key, previous, undefined);
    return { type: 'Deleted', object: previous, previous };
  }

  /** Counts the answer of a write as observed, until the watch has caught up. */
  observeWrite(object: T): void {
    this.store(object);
  }

  /** Counts a deletion as observed; a late event of the same object does not bring it back. */
  observeDelete(object: T): void {
    this.remove(object);
    if (object.metadata.uid) this.#deleted.add(object.metadata.uid);
  }

  /** Drops what a fresh list of one namespace (of everything, without one) no longer holds. */
  retain(present: ReadonlySet<string>, namespace?: string): CacheChange<T>[] {
    this.#deleted.clear();
    return [...this.#objects].flatMap(([key, object]) => {
      const listed = namespace === undefined || object.metadata.namespace === namespace;
      return !listed || present.has(key) ? [] : (this.remove(object) ?? []);
    });
  }

  #reindex(key: string, previous: T | undefined, next: T | undefined): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of previous ? of(previous) : []) {
        const members = keys.get(value);
        members?.delete(key);
        if (members?.size === 0) keys.delete(value);
      }
      for (const value of next ? of(next) : []) {
        const members = keys.get(value) ?? new Set();
        keys.set(value, members.add(key));
      }
    }
  }
}

/** Resource versions of one object are comparable numbers in every server this project supports. */
function isOlder(candidate: KubeObject, current: KubeObject): boolean {
  if (candidate.metadata.uid !== current.metadata.uid) return false;
  const [a, b] = [candidate.metadata.resourceVersion, current.metadata.resourceVersion];
  return a !== undefined && b !== undefined && BigInt(a) < BigInt(b);
}

function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
