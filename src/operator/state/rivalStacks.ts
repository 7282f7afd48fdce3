import { type KubeObject, keyOf, objectKey, splitKey } from '../../engine/kube/kubeObject.ts';
import { annotations, labels, names } from '../plan/facts/names.ts';
import type { Rival } from '../plan/facts/observed.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { readJournal } from './journalStore.ts';
import type { StackSources } from './stackSources.ts';

/** A stack whose resource was deleted while pods of it were there. */
interface Departed {
  /** Undefined if the resource was deleted before this process watched it: its pods tell, or the journal if it was kept. */
  readonly number: string | undefined;
  /** UIDs of its pods when the resource was deleted; a new resource of the same name gets others. */
  readonly uids: ReadonlySet<string>;
}

const numberOf = ({ spec }: KubeObject): string =>
  String((spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? '');

/**
 * Knows which other stacks' Masters and Coreapps run with a number, also those whose resource is gone: Kubernetes deletes
 * pods after their resource, and a pod on a node that is cut off stays.
 */
export class RivalStacks {
  readonly #sources: StackSources;
  readonly #departed = new Map<string, Departed>();

  /** Create it before other listeners: it must know of a deletion when they ask. */
  constructor(sources: StackSources) {
    this.#sources = sources;
    sources.stacks.onChange(({ type, object }) => {
      if (type !== 'Deleted') return;
      const key = keyOf(object);
      const uids = new Set(this.#nodesOf(key).map(({ metadata }) => metadata.uid ?? ''));
      this.#departed.set(key, { number: numberOf(object), uids });
    });
    sources.everyPod.onChange(({ object }) => {
      const key = objectKey(object.metadata.namespace, object.metadata.labels?.[labels.instance] ?? '');
      const known = this.#departed.get(key);
      if (known?.number !== undefined || sources.stacks.cache.get(key)) return;
      // Read now: when the last pod goes, the stack that waits for it must still be found.
      const number = object.metadata.annotations?.[annotations.number];
      this.#departed.set(key, { number, uids: known?.uids ?? new Set() });
    });
  }

  /** Keys of the stacks that wait for the pods of this one, whose resource is gone. */
  waitingFor(key: string): string[] {
    const number = this.#departed.has(key) ? this.#numberOf(key) : undefined;
    if (number === undefined) return [];
    return this.#sources.stacks.cache.byIndex('number', number).map(keyOf);
  }

  /** Other stacks with Masters or Coreapps that run with the resource's number. */
  of({ metadata, spec }: WhatsAppDeployment): Rival[] {
    const own = objectKey(metadata.namespace, metadata.name);
    const { cache } = this.#sources.stacks;
    const present = cache
      .byIndex('number', spec.phoneNumber)
      .filter((other) => keyOf(other) !== own)
      .map((other) => rival(keyOf(other), this.#nodesOf(keyOf(other)), false));
    const departed = [...this.#departed.keys()]
      .filter((key) => key !== own && this.#left(key).length > 0 && this.#numberOf(key) === spec.phoneNumber)
      .map((key) => rival(key, this.#left(key), true));
    return [...departed, ...present].filter(({ pods }) => pods.length > 0);
  }

  /** The pods that a departed stack still has. Forgets it when there are none. */
  #left(key: string): KubeObject[] {
    const { uids } = this.#departed.get(key) ?? { uids: new Set() };
    const isBack = this.#sources.stacks.cache.get(key) !== undefined;
    const left = this.#nodesOf(key).filter(({ metadata }) => !isBack || uids.has(metadata.uid ?? ''));
    if (left.length === 0) this.#departed.delete(key);
    return left;
  }

  #numberOf(key: string): string | undefined {
    const known = this.#departed.get(key)?.number;
    if (known !== undefined) return known;
    const { namespace, name } = splitKey(key);
    const secret = this.#sources.secretsOfStacks.cache.get(objectKey(namespace, names(name).journal));
    try {
      return secret && readJournal(secret as SecretObject).number;
    } catch {
      return undefined;
    }
  }

  #nodesOf(key: string): KubeObject[] {
    return this.#sources.everyPod.cache
      .byIndex('stack', key)
      .filter(({ metadata }) => ['master', 'coreapp'].includes(metadata.labels?.[labels.component] ?? ''));
  }
}

const rival = (stack: string, pods: readonly KubeObject[], isGone: boolean): Rival => ({
  stack,
  isGone,
  pods: pods.map(({ metadata }) => metadata.name).sort(),
});
