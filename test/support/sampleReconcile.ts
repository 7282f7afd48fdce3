import type { Reconcile } from '../../src/engine/controller/controller.ts';
import type { Source } from '../../src/engine/controller/sources.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import type { Applier } from '../../src/engine/kube/applier.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, keyOf, kinds, splitKey } from '../../src/engine/kube/kubeObject.ts';

/** Labels of the sample: a parent ConfigMap, and children labelled with its name. */
export const PARENT = 'test.example.org/parent';
export const CHILD_OF = 'test.example.org/child-of';

export interface SampleContext {
  readonly source: Source<KubeObject>;
  readonly client: KubeClient;
  readonly applier: Applier;
  /** Calls the outside world, under the same fence as writes. */
  readonly callOnce: (key: string, revision: string) => void;
}

/** Children by the key of their parent. */
export const SAMPLE_INDEXES = {
  parent: ({ metadata }: KubeObject): readonly string[] => {
    const parent = metadata.labels?.[CHILD_OF];
    return parent ? [`${metadata.namespace}/${parent}`] : [];
  },
};

/** The key that a change concerns. */
export const sampleKey = (object: KubeObject): string => SAMPLE_INDEXES.parent(object)[0] ?? keyOf(object);

/** The children that a parent wants. */
export const wantedChildren = (parent: KubeObject): KubeObject[] => {
  const { children = '0', colour = '' } = (parent.data ?? {}) as Record<string, string>;
  return Array.from({ length: Number(children) }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `${parent.metadata.name}-${index}`,
      namespace: parent.metadata.namespace ?? 'default',
      labels: { [CHILD_OF]: parent.metadata.name },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: parent.metadata.name, uid: parent.metadata.uid ?? '' },
      ],
    },
    data: { colour },
  }));
};

/**
 * The sample: creates the children that a parent wants, in its colour, and makes one outside call for each colour, at most
 * once, because it writes a journal before the call. Turning `compareAndSwap` off is one of the deliberate breaks.
 */
export function sampleReconcile(context: SampleContext, compareAndSwap = true): Reconcile {
  const { source, client, applier, callOnce } = context;
  return async (key, signal) => {
    const parent = source.cache.get(key);
    if (!parent?.metadata.labels?.[PARENT]) return {};
    const { namespace, name } = splitKey(key);
    const colour = (parent.data as Record<string, string> | undefined)?.colour ?? '';
    const revision = `${parent.metadata.uid}/${colour}`;

    const journal = source.cache.get(`${namespace}/${name}.journal`);
    const done = ((journal?.data as Record<string, string> | undefined)?.done ?? '').split(',');
    if (!done.includes(revision)) {
      const next: KubeObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: `${name}.journal`,
          namespace,
          ...(compareAndSwap && journal ? { resourceVersion: journal.metadata.resourceVersion ?? '' } : {}),
        },
        data: { done: [...done, revision].filter(Boolean).join(',') },
      };
      const options = { fieldManager: 'sample' };
      const written = await (journal
        ? client.update<KubeObject>(next, options, signal)
        : client.create<KubeObject>(next, options, signal));
      source.cache.observeWrite(written);
      callOnce(key, revision);
    }

    const wanted = wantedChildren(parent);
    const present = source.cache.byIndex('parent', `${namespace}/${name}`);
    for (const child of present) {
      if (wanted.some(({ metadata }) => metadata.name === child.metadata.name)) continue;
      await client
        .delete(kinds.ConfigMap, namespace, child.metadata.name, { uid: child.metadata.uid }, signal)
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      source.cache.observeDelete(child);
    }
    for (const desired of wanted) {
      const { outcome, object } = await applier.ensure(
        {
          desired,
          live: source.cache.get(`${namespace}/${desired.metadata.name}`),
          controlled: (live) => live.metadata.labels?.[CHILD_OF] === name,
          subject: parent,
        },
        signal,
      );
      if (outcome === 'written') source.cache.observeWrite(object);
      if (outcome === 'contested') throw new Error(`${object.metadata.name} is contested`);
    }
    return {};
  };
}
